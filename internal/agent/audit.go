// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/cloudtrail"
	"github.com/hivecloud/hive/internal/auditlog"
	"github.com/hivecloud/hive/internal/config"
	"github.com/hivecloud/hive/internal/rpc"
)

// findMethod asks a node for its records.
const findMethod = "audit.Find"

// auditSync is how often records are made to survive a power cut. The death of the process loses none.
const auditSync = time.Second

// audit keeps a record of every call that this node answers, and finds those of all nodes: a call is recorded where it
// was answered, so a question goes to every node.
type audit struct {
	self     string // node id
	region   localRegion
	client   *rpc.Client
	log      hclog.Logger
	store    *auditlog.Log
	recorder *cloudtrail.Recorder

	mu  sync.Mutex
	err error // why the store cannot be used
}

type auditConfig struct {
	self   string
	region localRegion
	client *rpc.Client
	config config.Audit
	logger hclog.Logger
}

var _ cloudtrail.Trail = (*audit)(nil)

// newAudit opens the node's records. Records that cannot be kept do not keep the node from starting: status says so.
func newAudit(c auditConfig) (*audit, error) {
	store, err := auditlog.New(auditlog.Config{Dir: c.config.Dir, Keep: c.config.Keep, MaxBytes: int64(c.config.MaxSize), Logger: c.logger})
	if err != nil {
		return nil, err
	}
	a := &audit{self: c.self, region: c.region, client: c.client, log: c.logger.Named("audit"), store: store, recorder: cloudtrail.NewRecorder(store, c.logger)}
	a.note(store.Open())
	return a, nil
}

// note remembers a fault of the store.
func (a *audit) note(err error) {
	if err == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.log.Error("API calls of this node are not recorded safely", "error", err)
	}
	a.err = err
}

// fault is why calls are not recorded; nil when they are.
func (a *audit) fault() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	return a.recorder.Fault()
}

// run syncs the records until the context ends.
func (a *audit) run(ctx context.Context) error {
	for sleep(ctx, auditSync) == nil {
		a.note(a.store.Sync())
	}
	return nil
}

func (a *audit) close() error {
	if a == nil {
		return nil
	}
	return a.store.Close()
}

type findRequest struct {
	Account, Key, Value, Before string
	From, To                    int64 // milliseconds, inclusive
	Limit                       int
}

// findResponse holds records, a line each; a list of byte strings would cost an allocation each.
type findResponse struct{ Lines []byte }

// maxFound is how many records one call carries: a page and one more.
const maxFound = 51

func (a *audit) serve(s *rpc.Server) { rpc.Handle(s, findMethod, a.serveFind) }

// serveFind answers another node.
func (a *audit) serveFind(_ context.Context, _ rpc.NodeID, q findRequest) (findResponse, error) {
	if q.Limit < 1 || q.Limit > maxFound {
		return findResponse{}, rpc.Errorf(rpc.CodeBadRequest, "%d records, at most %d", q.Limit, maxFound)
	}
	found, err := cloudtrail.Find(a.store.Scan, cloudtrail.Query{Account: q.Account, Key: q.Key, Value: q.Value, Before: q.Before,
		From: time.UnixMilli(q.From), To: time.UnixMilli(q.To), Limit: q.Limit})
	if err != nil {
		return findResponse{}, err
	}
	return findResponse{Lines: bytes.Join(found, []byte("\n"))}, nil
}

// Lookup asks all nodes. One that does not answer fails the question, unless the region knows that it is lost: what it
// recorded comes back with it.
func (a *audit) Lookup(ctx context.Context, q cloudtrail.Query) ([][]byte, error) {
	request := findRequest{Account: q.Account, Key: q.Key, Value: q.Value, Before: q.Before, From: q.From.UnixMilli(), To: q.To.UnixMilli(), Limit: q.Limit}
	answers, silent := ask(ctx, peers{a.self, a.region, a.client, a.log}, findMethod, request, a.serveFind)
	var missing []string
	v := a.region.Local()
	for _, node := range silent {
		if !v.Standing(node).Lost {
			missing = append(missing, nodeName(v, node))
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, unavailable{awserr.New("ServiceUnavailable", "The records of %s cannot be read now.", strings.Join(missing, ", "))}
	}
	found := make([][][]byte, 0, len(answers))
	for _, answer := range answers {
		if len(answer.Lines) > 0 {
			found = append(found, bytes.Split(answer.Lines, []byte("\n")))
		}
	}
	return cloudtrail.Merge(q.Limit, found...), nil
}
