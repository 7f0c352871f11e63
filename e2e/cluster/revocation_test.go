// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/e2e/lab"
)

// made is what IAM and STS answer about credentials.
type made struct {
	Key     credentials `xml:"CreateAccessKeyResult>AccessKey"`
	Session credentials `xml:"AssumeRoleResult>Credentials"`
}

type credentials struct {
	AccessKeyID string `xml:"AccessKeyId"`
	Secret      string `xml:"SecretAccessKey"`
	Token       string `xml:"SessionToken"`
}

func (c credentials) aws() aws.Credentials {
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.Token}
}

func identity(keys aws.Credentials) lab.Request {
	return lab.Request{Service: "sts", Version: "2011-06-15", Keys: keys, Form: url.Values{"Action": {"GetCallerIdentity"}}}
}

// iam makes a call that must succeed, as the region's administrator unless keys say otherwise.
func (c *cluster) iam(n *lab.Node, service, action string, keys *aws.Credentials, pairs ...string) (out made) {
	c.T.Helper()
	r := lab.Request{Service: service, Version: map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service], Keys: c.Keys, Form: url.Values{"Action": {action}}}
	if keys != nil {
		r.Keys = *keys
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Form.Set(pairs[i], pairs[i+1])
	}
	got, err := c.Ask(c.T.Context(), n.Endpoint, r)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("%d %s", got.Status, got.Body)
	}
	if err == nil {
		err = xml.Unmarshal(got.Body, &out)
	}
	if err != nil {
		c.T.Fatalf("%s through %s: %v", action, n.Name, err)
	}
	return out
}

// everywhere makes a signed and a presigned call at every node and compares the status. Nothing is waited for: a node that answers
// a call has seen every change that was acknowledged before it.
func (c *cluster) everywhere(what string, keys aws.Credentials, presigned []string, want int) {
	c.T.Helper()
	for i, n := range c.Nodes {
		got, err := c.Ask(c.T.Context(), n.Endpoint, identity(keys))
		if err != nil || got.Status != want {
			c.T.Errorf("%s: %s answers %d %v, want %d: %s", what, n.Name, got.Status, err, want, got.Body)
		}
		got, err = c.Fetch(c.T.Context(), presigned[i])
		if err != nil || got.Status != want {
			c.T.Errorf("%s: the presigned URL of %s answers %d %v, want %d: %s", what, n.Name, got.Status, err, want, got.Body)
		}
	}
}

func (c *cluster) presigned(keys aws.Credentials) (urls []string) {
	c.T.Helper()
	for _, n := range c.Nodes {
		signed, err := c.Presign(c.T.Context(), n.Endpoint, identity(keys))
		if err != nil {
			c.T.Fatal(err)
		}
		urls = append(urls, signed)
	}
	return urls
}

// revocation: a key that is switched off, a role that is deleted and an account that is suspended through one node are refused by
// every node at once, in presigned URLs too.
func (c *cluster) revocation() {
	one, two, three := c.Nodes[0], c.Nodes[1], c.Nodes[2]

	made := lab.Run[admin.NewAccount](c.Cluster, one, "account", "create", "revoked")
	account, root := made.Account, aws.Credentials{AccessKeyID: made.Credentials.AccessKeyID, SecretAccessKey: made.Credentials.SecretAccessKey}
	c.iam(two, "iam", "CreateUser", &root, "UserName", "ann")
	key := c.iam(three, "iam", "CreateAccessKey", &root, "UserName", "ann").Key
	urls := c.presigned(key.aws())
	c.everywhere("a new key", key.aws(), urls, http.StatusOK)
	c.iam(one, "iam", "UpdateAccessKey", &root, "UserName", "ann", "AccessKeyId", key.AccessKeyID, "Status", "Inactive")
	c.everywhere("a key that is switched off", key.aws(), urls, http.StatusForbidden)
	c.iam(two, "iam", "UpdateAccessKey", &root, "UserName", "ann", "AccessKeyId", key.AccessKeyID, "Status", "Active")
	c.everywhere("a key that is switched on again", key.aws(), urls, http.StatusOK)

	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}]}`, account.ID)
	c.iam(three, "iam", "CreateRole", &root, "RoleName", "r", "AssumeRolePolicyDocument", trust)
	session := c.iam(one, "sts", "AssumeRole", &root, "RoleArn", "arn:aws:iam::"+account.ID+":role/r", "RoleSessionName", "e2e").Session
	sessionURLs := c.presigned(session.aws())
	c.everywhere("a session", session.aws(), sessionURLs, http.StatusOK)
	c.iam(two, "iam", "DeleteRole", &root, "RoleName", "r")
	c.everywhere("a session of a role that is gone", session.aws(), sessionURLs, http.StatusForbidden)

	for _, step := range []struct {
		command string
		want    int
	}{{"suspend", http.StatusForbidden}, {"resume", http.StatusOK}} {
		if _, err := c.Try(three, "account", step.command, "revoked"); err != nil {
			c.T.Fatal(err)
		}
		c.everywhere("the account after "+step.command, key.aws(), urls, step.want)
	}
}
