// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivecloud/hive/internal/admin"
)

// rotationPoll is how often a rotation is looked at.
const (
	rotationPoll = 300 * time.Millisecond
	lookTime     = 10 * time.Second
)

// rotating is what the commands that rotate have in common.
type rotating struct {
	*app
	kind, command  string // of the region; what an operator types
	cancel, noWait bool
}

func (a *app) newRotating(cmd *cobra.Command, kind, command string) *rotating {
	r := &rotating{app: a, kind: kind, command: command}
	cmd.Flags().BoolVar(&r.cancel, "cancel", false, "give up a rotation whose new secret is still being spread")
	cmd.Flags().BoolVar(&r.noWait, "no-wait", false, "return when the rotation has begun")
	a.timeoutDefault(cmd, 10*time.Minute)
	return r
}

// begin starts or gives up the rotation. over says that there is nothing to follow.
func (r *rotating) begin(ctx context.Context, client *admin.Client) (over bool, err error) {
	if r.cancel {
		if _, err := client.RotationCancel(ctx, r.kind); err != nil {
			return true, err
		}
		r.note("The rotation of the %s was given up; the old one stays in force", r.kind)
		return true, nil
	}
	now, err := client.RotationStart(ctx, r.kind)
	if err != nil {
		return true, err
	}
	if r.noWait {
		r.note("The rotation %d of the %s has begun: hive admin rotations shows it", now.Version, r.kind)
	}
	return r.noWait, nil
}

// follow says what happens until the rotation is where enough wants it. It goes on without the command.
func (r *rotating) follow(ctx context.Context, client *admin.Client, enough func(admin.Rotation) bool) (admin.Rotation, error) {
	said := ""
	for {
		now, err := r.look(ctx, client)
		if err != nil && admin.AsError(err).Kind != admin.KindUnavailable {
			return now, err
		}
		if err == nil && (enough(now) || !now.Active()) {
			return now, nil
		}
		if line := rotationLine(now); err == nil && line != said {
			said = line
			r.note("%s", line)
		}
		select {
		case <-ctx.Done():
			return now, admin.Errorf(admin.KindUnavailable, "bring the nodes back, or remove them: hive node remove; hive admin rotations shows how it goes on",
				"the rotation of the %s is not through: %s", r.kind, said)
		case <-time.After(rotationPoll):
		}
	}
}

func (r *rotating) look(ctx context.Context, client *admin.Client) (admin.Rotation, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := client.Rotations(ctx)
	if err != nil {
		return admin.Rotation{}, err
	}
	for _, one := range all {
		if one.Kind == r.kind {
			return one, nil
		}
	}
	return admin.Rotation{}, admin.Errorf(admin.KindNotFound, r.command, "there is no rotation of the %s", r.kind)
}

// rotationLine is where a rotation stands, in a line.
func rotationLine(r admin.Rotation) string {
	what := map[string]string{
		"spread": "the new one is spread to every node", "use": "every node begins to use the new one", "retire": "every node forgets the old one",
		"done": "done", "cancelled": "given up",
	}[r.Phase]
	switch {
	case len(r.Waiting) > 0:
		return fmt.Sprintf("%s: waiting for %s", what, strings.Join(r.Waiting, ", "))
	case r.Sealed > 0:
		return fmt.Sprintf("%d secrets are being sealed anew", r.Sealed)
	case r.Retires != nil:
		return "the new one is in use, the old one is kept until " + r.Retires.Format("2006-01-02 15:04:05 UTC")
	case r.Hold:
		return "every node has the new one; an operator's word is needed"
	}
	return what
}

// ended follows a rotation to its end.
func (r *rotating) ended(ctx context.Context, client *admin.Client, done string) error {
	now, err := r.follow(ctx, client, func(now admin.Rotation) bool { return !now.Active() })
	if err != nil {
		return err
	}
	if now.Phase != "done" {
		return admin.Errorf(admin.KindConflict, "hive admin rotations shows the rotations", "the rotation of the %s was given up meanwhile", r.kind)
	}
	r.note("%s", done)
	return nil
}
