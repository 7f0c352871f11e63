// SPDX-License-Identifier: Apache-2.0

package join

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/hivecloud/hive/internal/admin"
)

// Version is the version of the exchange. A member refuses another one by name.
const Version = 1

// A frame is a length of 4 bytes, big endian, and so many bytes of JSON. One goes each way.
const (
	maxApplication = 32 << 10
	maxAnswer      = 1 << 20
)

// Application asks a member to admit a node. It is sent after the member has proved to be of the right cluster.
type Application struct {
	Version     int      `json:"version"`
	Cluster     string   `json:"cluster"`
	Region      string   `json:"region"`
	Token       string   `json:"token"`
	Secret      string   `json:"secret"`
	Node        string   `json:"node"` // name
	Zone        string   `json:"zone"`
	NodeCSR     []byte   `json:"nodeCsr"`
	EdgeCSR     []byte   `json:"edgeCsr"`
	Hosts       []string `json:"hosts"`     // names and addresses of the cluster port
	EdgeHosts   []string `json:"edgeHosts"` // names and addresses of the API
	ClusterAddr string   `json:"clusterAddr"`
	GossipAddr  string   `json:"gossipAddr"`
}

// Grant is what an admitted node gets. Certificates are DER; of authorities there may be several, one behind the other,
// while they are being replaced.
type Grant struct {
	NodeID      string `json:"nodeId"`
	Region      string `json:"region"`
	ClusterCA   []byte `json:"clusterCa"`
	APICA       []byte `json:"apiCa"`
	NodeCert    []byte `json:"nodeCert"`
	EdgeCert    []byte `json:"edgeCert"`
	ClusterKey  string `json:"clusterKey"` // content of the key file
	GossipKey   []byte `json:"gossipKey"`
	SettingsKey []byte `json:"settingsKey"` // ed25519 public key
	Settings    []byte `json:"settings"`    // cluster.json
}

// answer is a grant or a reason.
type answer struct {
	Grant   *Grant       `json:"grant,omitempty"`
	Refusal *admin.Error `json:"refusal,omitempty"`
}

func writeFrame(w io.Writer, v any, limit int) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	if len(body) > limit {
		return fmt.Errorf("encode %T: %d bytes, at most %d", v, len(body), limit)
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}

func readFrame(r io.Reader, v any, limit int) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("read length: %w", err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > uint32(limit) {
		return fmt.Errorf("read %T: %d bytes, at most %d", v, size, limit)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("read %T: %w", v, err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read %T: %w", v, err)
	}
	return nil
}
