// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"runtime/pprof"
	"slices"

	"github.com/hivecloud/hive/fsm/state"
	"github.com/hivecloud/hive/internal/admin"
)

// debug answers with what is worth a look when something is wrong, and is no secret.
func (s *adminServer) debug(w http.ResponseWriter, r *http.Request) {
	part := r.PathValue("id")
	if !slices.Contains(admin.DebugParts(), part) {
		admin.WriteError(w, admin.Errorf(admin.KindNotFound, "use a hive command of the agent's own version", "there is nothing called %q", part))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.debugPart(w, r, part); err != nil {
		s.log.Debug("client left before its answer", "error", err)
	}
}

func (s *adminServer) debugPart(w http.ResponseWriter, r *http.Request, part string) error {
	switch part {
	case admin.DebugGoroutines:
		return pprof.Lookup("goroutine").WriteTo(w, 2)
	case admin.DebugMetrics:
		s.a.metrics.Handler().ServeHTTP(w, r)
		return nil
	case admin.DebugState:
		return s.stateSummary(w)
	}
	if s.a.options.Recent == nil {
		return nil
	}
	_, err := s.a.options.Recent.WriteTo(w)
	return err
}

// stateSummary counts rows; rows themselves hold user data and sealed secrets.
func (s *adminServer) stateSummary(w io.Writer) error {
	f := s.a.truth.fsm
	hash := f.Hash()
	v := f.View()
	region, _ := v.Region()
	out := struct {
		ClusterID   string         `json:"clusterId"`
		FormatLevel int            `json:"formatLevel"`
		Applied     uint64         `json:"applied"`
		StateHash   string         `json:"stateHash"`
		Rows        map[string]int `json:"rows"`
		Instances   map[string]int `json:"instances"` // by state
	}{region.ClusterID, region.FormatLevel, f.Applied(), hex.EncodeToString(hash[:]), map[string]int{}, map[string]int{}}
	for _, t := range state.Tables() {
		out.Rows[t.Name()] = t.Count(v)
	}
	for i := range state.Instances.All(v) {
		out.Instances[i.State.String()]++
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
