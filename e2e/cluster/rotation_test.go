// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hivecloud/hive/internal/admin"
	"github.com/hivecloud/hive/internal/e2e/lab"
)

// file is a file of a node's data directory.
func (c *cluster) file(n *lab.Node, name string) []byte {
	c.T.Helper()
	b, err := os.ReadFile(filepath.Join(n.Dir, name))
	if err != nil {
		c.T.Fatal(err)
	}
	return b
}

// replaced: a file of the data directory is the same on every node, of so many lines or certificates, and not what it was.
func (c *cluster) replaced(name string, was []byte, mark string, marks int) []byte {
	c.T.Helper()
	now := c.file(c.Nodes[0], name)
	for _, n := range c.Nodes {
		if b := c.file(n, name); !bytes.Equal(b, now) || bytes.Equal(b, was) || bytes.Count(b, []byte(mark)) != marks {
			c.T.Errorf("%s of %s holds %d of %q; the same as on %s: %v, the same as before: %v", name, n.Name, bytes.Count(b, []byte(mark)), mark, c.Nodes[0].Name,
				bytes.Equal(b, now), bytes.Equal(b, was))
		}
	}
	return now
}

func (c *cluster) hive(n *lab.Node, args ...string) {
	c.T.Helper()
	if _, err := c.Try(n, args...); err != nil {
		c.T.Fatalf("hive %s: %v", strings.Join(args, " "), err)
	}
}

// rotations replaces every secret of a region under writes. What was handed out goes on working for as long as it should,
// a node that is away holds a step up and nothing else, and a restarted node finds its way.
func (c *cluster) rotations() {
	key, gossip, ca, api := c.file(c.Nodes[0], "cluster.key"), c.file(c.Nodes[0], "gossip.key"), c.file(c.Nodes[0], "pki/ca.pem"), c.file(c.Nodes[0], "pki/api-ca.pem")
	secret := c.sealed()
	before := filepath.Join(c.T.TempDir(), "before.snap")
	c.hive(c.Nodes[0], "raft", "snapshot", "save", before)
	old := lab.Run[struct{ Token string }](c.Cluster, c.Nodes[1], "admin", "token", "create", "-q")

	ctx, cancel := context.WithCancel(c.T.Context())
	w := &writer{c: c}
	var wg sync.WaitGroup
	wg.Go(func() { w.run(ctx, 0) })
	c.hive(c.Nodes[1], "admin", "rotate-key")
	c.replaced("cluster.key", key, "\nkey ", 2)
	c.unsealed("under the new cluster key", secret)
	if code := c.whoami(secret.session); code != http.StatusOK {
		c.T.Errorf("a session from before the rotation answers %d while the old key is kept", code)
	}
	c.hive(c.Nodes[2], "admin", "rotate-key", "--retire", "--yes")
	c.replaced("cluster.key", key, "\nkey ", 1)
	c.unsealed("with the new cluster key alone", secret)
	if code := c.whoami(secret.session); code != http.StatusForbidden {
		c.T.Errorf("a session from before the rotation answers %d when the old key is gone", code)
	}
	c.hive(c.Nodes[0], "admin", "gossip-key", "rotate")
	c.replaced("gossip.key", gossip, "\n", 1)
	c.rotatedWithoutOne(ca)
	cancel()
	wg.Wait()
	known := c.KeyPairs(c.Nodes[2])
	for _, name := range w.acked {
		if !known[name] {
			c.T.Errorf("%s was acknowledged and is gone", name)
		}
	}
	stranger := c.Lay("node8")
	if _, err := c.Try(stranger, "admin", "join", old.Token, "--node", "node8"); err == nil || !strings.Contains(err.Error(), "take a new token") {
		c.T.Errorf("a token that pins the old authority: %v", err)
	}
	c.Nodes = c.Nodes[:3]
	c.rotateAPI(api)
	c.unsealed("in the end", secret)
	for _, n := range c.Nodes { // with nothing but what is on their disks
		n.Kill()
	}
	for _, n := range c.Nodes {
		c.Launch(n)
	}
	for _, n := range c.Nodes {
		c.Ready(n)
	}
	c.Peers(3, 0, c.Nodes...)
	c.unsealed("after all were killed", secret)
	c.restored(before)
	c.Same(c.Nodes...)
}

// restored: a node that never had the authorities' files makes a backup with the new keys, of which another region can be
// made; and a snapshot from before the rotations is refused, for nobody could open its secrets.
func (c *cluster) restored(before string) {
	c.T.Helper()
	dir := c.T.TempDir()
	pass, file := filepath.Join(dir, "pass"), filepath.Join(dir, "region.backup")
	if err := os.WriteFile(pass, []byte("correct horse battery"), 0o600); err != nil {
		c.T.Fatal(err)
	}
	c.hive(c.Nodes[1], "backup", "create", file, "--passphrase-file", pass)
	again := filepath.Join(dir, "again")
	if out, err := exec.Command(c.Hive, "backup", "restore", file, "--passphrase-file", pass, "--data-dir", again, "--node", "node7").CombinedOutput(); err != nil {
		c.T.Fatalf("hive backup restore: %v\n%s", err, out)
	}
	if b, err := os.ReadFile(filepath.Join(again, "pki/api-ca.pem")); err != nil || !bytes.Equal(b, c.file(c.Nodes[0], "pki/api-ca.pem")) {
		c.T.Errorf("clients of the restored region need another bundle: %v", err)
	}
	leader, _ := c.Leader(c.Nodes[0])
	if _, err := c.Try(leader, "raft", "snapshot", "restore", before, "--yes"); err == nil || !strings.Contains(err.Error(), "before the cluster's keys were rotated") {
		c.T.Errorf("a snapshot from before: %v", err)
	}
}

// rotatedWithoutOne: the cluster's authority is replaced while a node is away. It holds the rotation up, and it comes back.
func (c *cluster) rotatedWithoutOne(was []byte) {
	c.T.Helper()
	away := c.Nodes[2]
	away.Kill()
	c.hive(c.Nodes[0], "admin", "cert", "rotate", "cluster", "--no-wait")
	c.Eventually("waiting for "+away.Name, func() error {
		now := c.rotation(c.Nodes[1], "cluster-ca")
		if now.Phase != "spread" || len(now.Waiting) != 1 || now.Waiting[0] != away.Name {
			return fmt.Errorf("%+v", now)
		}
		return nil
	})
	if _, err := c.Try(c.Nodes[1], "admin", "cert", "rotate", "cluster"); err == nil || !strings.Contains(err.Error(), "one at a time") {
		c.T.Errorf("a second rotation: %v", err)
	}
	c.Start(away)
	c.Eventually("a new authority everywhere", func() error {
		if now := c.rotation(c.Nodes[1], "cluster-ca"); now.Phase != "done" {
			return fmt.Errorf("%+v", now)
		}
		return nil
	})
	c.replaced("pki/ca.pem", was, "BEGIN CERTIFICATE", 1)
	for _, n := range c.Nodes {
		if _, err := os.Stat(filepath.Join(n.Dir, "pki/ca.key")); err == nil {
			c.T.Errorf("the old authority's key is still on %s", n.Name)
		}
	}
}

// rotateAPI replaces the authority that clients trust, in two steps; a node joins between them.
func (c *cluster) rotateAPI(was []byte) {
	c.T.Helper()
	before := filepath.Join(c.T.TempDir(), "before.pem")
	if err := os.WriteFile(before, was, 0o600); err != nil {
		c.T.Fatal(err)
	}
	c.Trust(before)
	c.hive(c.Nodes[1], "admin", "cert", "rotate", "api")
	c.replaced("pki/api-ca.pem", was, "BEGIN CERTIFICATE", 2)
	c.whole("before the clients know", http.StatusOK)
	c.hive(c.Nodes[2], "admin", "cert", "rotate", "api", "--continue")
	c.Trust(before)
	c.whole("with the old bundle", 0)
	c.replaced("pki/api-ca.pem", was, "BEGIN CERTIFICATE", 1)
	c.Trust(filepath.Join(c.Nodes[1].Dir, "pki/api-ca.pem"))
	c.whole("with the new bundle", http.StatusOK)
}

// whole asks every node who the caller is; 0 wants that its certificate is not trusted.
func (c *cluster) whole(when string, want int) {
	c.T.Helper()
	for _, n := range c.Nodes {
		got, err := c.Ask(c.T.Context(), n.Endpoint, identity(c.Keys))
		if got.Status != want || want == 0 && !strings.Contains(fmt.Sprint(err), "certificate") {
			c.T.Errorf("%s: %s answers %d %v", when, n.Name, got.Status, err)
		}
	}
}

func (c *cluster) rotation(n *lab.Node, kind string) admin.Rotation {
	for _, r := range lab.Run[[]admin.Rotation](c.Cluster, n, "admin", "rotations") {
		if r.Kind == kind {
			return r
		}
	}
	return admin.Rotation{}
}

// secrets are what was made before a rotation: a session, and a text under a KMS key.
type secrets struct {
	session    aws.Credentials
	ciphertext string
}

func (c *cluster) sealed() (out secrets) {
	c.T.Helper()
	c.iam(c.Nodes[0], "iam", "CreateRole", nil, "RoleName", "rotated", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`)
	var who struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	got, err := c.Ask(c.T.Context(), c.Nodes[0].Endpoint, identity(c.Keys))
	if err == nil {
		err = xml.Unmarshal(got.Body, &who)
	}
	if err != nil {
		c.T.Fatal(err)
	}
	account := strings.Split(who.ARN, ":")[4]
	out.session = c.iam(c.Nodes[0], "sts", "AssumeRole", nil, "RoleArn", "arn:aws:iam::"+account+":role/rotated", "RoleSessionName", "before").Session.aws()
	var key struct{ KeyMetadata struct{ KeyId string } }
	c.kms(c.Nodes[0], "CreateKey", map[string]any{}, &key)
	var sealed struct{ CiphertextBlob string }
	c.kms(c.Nodes[1], "Encrypt", map[string]any{"KeyId": key.KeyMetadata.KeyId, "Plaintext": "aGVsbG8="}, &sealed)
	out.ciphertext = sealed.CiphertextBlob
	return out
}

// unsealed: access keys and KMS keys work on every node.
func (c *cluster) unsealed(when string, s secrets) {
	c.T.Helper()
	for _, n := range c.Nodes {
		var open struct{ Plaintext string }
		c.kms(n, "Decrypt", map[string]any{"CiphertextBlob": s.ciphertext}, &open)
		if open.Plaintext != "aGVsbG8=" {
			c.T.Errorf("%s: %s decrypts to %q", when, n.Name, open.Plaintext)
		}
		c.OK(n, "DescribeVpcs", url.Values{})
	}
}

func (c *cluster) whoami(keys aws.Credentials) int {
	c.T.Helper()
	got, err := c.Ask(c.T.Context(), c.Nodes[0].Endpoint, identity(keys))
	if err != nil {
		c.T.Fatal(err)
	}
	return got.Status
}

// kms makes a call by the JSON protocol.
func (c *cluster) kms(n *lab.Node, action string, in map[string]any, into any) {
	c.T.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.T.Fatal(err)
	}
	got, err := c.JSON(c.T.Context(), n.Endpoint, "kms", "TrentService."+action, body)
	if err == nil && got.Status != http.StatusOK {
		err = fmt.Errorf("%d %s", got.Status, got.Body)
	}
	if err == nil {
		err = json.Unmarshal(got.Body, into)
	}
	if err != nil {
		c.T.Fatalf("%s through %s: %v", action, n.Name, err)
	}
}
