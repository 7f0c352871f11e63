// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/crypto/argon2"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/fsm/state"
)

// Cost of a password's hash: the second recommendation of RFC 9106 for machines with little memory.
const (
	argonPasses  = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// hash is a password's argon2id hash in the PHC form: $argon2id$v=19$m=65536,t=3,p=1$SALT$HASH.
func hash(password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make salt of a password: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonThreads, b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// checkPassword holds a password against the account's policy; an account without one has AWS's default: eight characters and
// three of four kinds.
func checkPassword(p *state.PasswordPolicy, password string) error {
	var upper, lower, digit, symbol bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		case strings.ContainsRune("!@#$%^&*()_+-=[]{}|'", r):
			symbol = true
		case r < ' ' || r > 0xff:
			return violation("Password contains characters that are not allowed.")
		}
	}
	if p == nil {
		kinds := 0
		for _, has := range []bool{upper, lower, digit, symbol} {
			if has {
				kinds++
			}
		}
		if len(password) < 8 || kinds < 3 {
			return violation("Password should have a minimum length of 8 and at least three of uppercase letters, lowercase letters, numbers and symbols.")
		}
		return nil
	}
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{len(password) < p.MinimumLength, fmt.Sprintf("Password should have a minimum length of %d.", p.MinimumLength)},
		{p.RequireUppercase && !upper, "Password should have at least one uppercase letter."},
		{p.RequireLowercase && !lower, "Password should have at least one lowercase letter."},
		{p.RequireNumbers && !digit, "Password should have at least one number."},
		{p.RequireSymbols && !symbol, "Password should have at least one symbol."},
	} {
		if rule.broken {
			return violation(rule.says)
		}
	}
	return nil
}

func violation(says string) error { return awserr.New("PasswordPolicyViolation", "%s", says) }
