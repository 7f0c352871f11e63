// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Routes of IAM users.
const (
	RouteUsers      = "GET /v1/users"           // ?account= -> []User
	RouteUserCreate = "POST /v1/users"          // UserCreateRequest -> NewUser
	RouteUserDelete = "DELETE /v1/users/{name}" // ?account= -> User
)

// User is an IAM user.
type User struct {
	Name      string    `json:"name"`
	Account   string    `json:"account"`
	ARN       string    `json:"arn"`
	Policies  []string  `json:"policies"` // ARNs of attached policies, and names of inline ones
	Groups    []string  `json:"groups"`
	Keys      int       `json:"keys"`
	CreatedAt time.Time `json:"createdAt"`
}

// UserCreateRequest asks for a user of an account.
type UserCreateRequest struct {
	Account  string   `json:"account,omitempty"` // id or name; the first account when empty
	Name     string   `json:"name"`
	Admin    bool     `json:"admin,omitempty"`    // attach AdministratorAccess
	Policies []string `json:"policies,omitempty"` // ARNs, or names of the account's or of AWS's policies
	NoKey    bool     `json:"noKey,omitempty"`
}

// NewUser is a user and the access key that is shown this once.
type NewUser struct {
	User        User         `json:"user"`
	Credentials *Credentials `json:"credentials,omitempty"`
	Endpoint    string       `json:"endpoint"`
	CABundle    string       `json:"caBundle"`
	Region      string       `json:"region"`
}

// Users lists the IAM users of an account, or of all when account is empty.
func (c *Client) Users(ctx context.Context, account string) ([]User, error) {
	return call[[]User](ctx, c, RouteUsers, query("account", account), nil)
}

// UserCreate makes an IAM user.
func (c *Client) UserCreate(ctx context.Context, req UserCreateRequest) (NewUser, error) {
	return call[NewUser](ctx, c, RouteUserCreate, nil, req)
}

// UserDelete removes an IAM user with its keys, password, policies and memberships.
func (c *Client) UserDelete(ctx context.Context, account, name string) (User, error) {
	return call[User](ctx, c, withName(RouteUserDelete, name), query("account", account), nil)
}

// withName fills a name into a route.
func withName(route, name string) string {
	return strings.Replace(route, "{name}", url.PathEscape(name), 1)
}
