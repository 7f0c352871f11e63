// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// waitSSH tries to run a command in the guest until it works. The context ends
// the wait, and the last reason is in the error.
func (r *runner) waitSSH(ctx context.Context, guest Guest) (string, error) {
	text, err := os.ReadFile(guest.KeyFile)
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return "", fmt.Errorf("parse key file %s: %w", guest.KeyFile, err)
	}
	r.cfg.Progress("waiting for SSH")
	last := errors.New("no attempt was made")
	for {
		address, err := r.cfg.Address(ctx, guest.InstanceID)
		if err == nil {
			err = login(ctx, address, guest.User, signer)
		}
		if err == nil {
			return address, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		if err := sleep(ctx, poll); err != nil {
			return "", fmt.Errorf("wait for SSH of %s: %w (last try: %w)", guest.InstanceID, err, last)
		}
	}
}

// loginTimeout bounds one attempt: a guest that is booting accepts the
// connection at its proxy and answers nothing.
const loginTimeout = 20 * time.Second

// login runs true in the guest. The host key is taken as it comes: the guest
// was made a moment ago, and the connection stays inside this machine.
func login(ctx context.Context, address, user string, key ssh.Signer) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("dial guest: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends reads that wait
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return fmt.Errorf("log in to guest: %w", err)
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("open session in guest: %w", err)
	}
	defer session.Close()
	if err := session.Run("true"); err != nil {
		return fmt.Errorf("run command in guest: %w", err)
	}
	return nil
}

// Command is the ssh command line that logs in to the guest. Host keys are not
// kept: addresses are used again by other guests.
func (g Guest) Command() string {
	host, port, err := net.SplitHostPort(g.Address)
	if err != nil {
		host, port = g.Address, "22"
	}
	return fmt.Sprintf("ssh -i %s -p %s -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR %s@%s",
		shellQuote(g.KeyFile), port, g.User, host)
}

// shellQuote quotes a word only when it needs it.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+@:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
