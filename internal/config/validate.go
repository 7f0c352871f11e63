// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Capabilities are the services a node may take part in.
var Capabilities = []string{"raft", "api", "ec2", "ebs", "s3", "vpc"}

// notYet are capabilities that this version keeps in the node's record and has no service for.
var notYet = []string{"s3", "vpc"}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	nodeForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	domainForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// validate checks the rules that hold between values or need more than a
// bound. Each fault is shown at the value that causes it.
func (l *loader) validate() {
	if l.broken {
		// Values of a source that could not be read are missing; judging what
		// is left would blame the wrong lines.
		return
	}
	l.validateNames()
	l.validateCaps()
	l.validatePaths()
	l.validateListen()
	l.validateTLS()
	l.validateNetwork()
	if c := l.cfg; c.Limits.APIBurst < c.Limits.APIRPS {
		l.fault("limits.api_burst", fmt.Sprintf("a burst of %d is below api_rps, %d", c.Limits.APIBurst, c.Limits.APIRPS))
	}
}

// fault reports that the value at path breaks a rule.
func (l *loader) fault(path, detail string) { l.report(hcl.DiagError, path, detail) }

func (l *loader) report(severity hcl.DiagnosticSeverity, path, detail string) {
	origin := l.cfg.origins[path]
	if l.alreadyWrong(origin) && severity == hcl.DiagError {
		return
	}
	summary := "Invalid value for " + path
	if severity == hcl.DiagWarning {
		summary = "Note on " + path
	}
	l.diags.List = append(l.diags.List, &hcl.Diagnostic{
		Severity: severity,
		Summary:  summary,
		Detail:   sentence(detail),
		Subject:  origin.subject,
	})
}

// alreadyWrong tells whether the value itself was refused: it then holds its
// zero value, and a second complaint about that would mislead.
func (l *loader) alreadyWrong(o Origin) bool {
	return o.subject != nil && slices.ContainsFunc(l.diags.List, func(d *hcl.Diagnostic) bool {
		return d.Subject != nil && d.Severity == hcl.DiagError && d.Subject.Overlaps(*o.subject)
	})
}

func (l *loader) validateNames() {
	c := l.cfg
	if !regionForm.MatchString(c.Cluster.Region) {
		l.fault("cluster.region", fmt.Sprintf("%q does not look like a region name, such as us-east-1 or eu-home-1; clients derive zones and signatures from it", c.Cluster.Region))
	} else if !strings.HasPrefix(c.Node.AZ, c.Cluster.Region) || len(c.Node.AZ) != len(c.Cluster.Region)+1 || c.Node.AZ[len(c.Node.AZ)-1] < 'a' || c.Node.AZ[len(c.Node.AZ)-1] > 'z' {
		l.fault("node.az", fmt.Sprintf("%q is not the region name followed by one letter, such as %sa", c.Node.AZ, c.Cluster.Region))
	}
	if f := c.Cluster.HostsFile; f != "" && !filepath.IsAbs(f) {
		l.fault("cluster.hosts_file", fmt.Sprintf("%q is not an absolute path; the agent would look for it in the directory that it was started in", f))
	}
	if !nodeForm.MatchString(c.Node.Name) {
		l.fault("node.name", fmt.Sprintf("%q is not a node name: use lower-case letters, digits and inner dashes, at most 63", c.Node.Name))
	}
	if !domainForm.MatchString(c.Node.FailureDomain) {
		l.fault("node.failure_domain", fmt.Sprintf("%q is not a failure domain: use letters, digits, dots, dashes and underscores, at most 63", c.Node.FailureDomain))
	}
}

// validateCaps refuses unknown capabilities, and turns nats, the word of
// earlier releases, into raft.
func (l *loader) validateCaps() {
	c := l.cfg
	var caps []string
	for _, name := range c.Node.Caps {
		if name == "nats" {
			l.report(hcl.DiagWarning, "node.caps", "the capability nats is called raft here, because the replicated log does its work; write raft")
			name = "raft"
		}
		if !slices.Contains(Capabilities, name) {
			l.fault("node.caps", fmt.Sprintf("%q is not one of %s%s", name, strings.Join(Capabilities, ", "), didYouMean(name, Capabilities)))
			continue
		}
		if slices.Contains(notYet, name) {
			l.report(hcl.DiagWarning, "node.caps", "this version records the capability "+name+" and has no service for it yet")
		}
		if !slices.Contains(caps, name) {
			caps = append(caps, name)
		}
	}
	if len(caps) == 0 && len(c.Node.Caps) == 0 {
		l.fault("node.caps", "a node without capabilities has nothing to do; name at least one of "+strings.Join(Capabilities, ", "))
	}
	if len(caps) > 0 && c.Cluster.Nodes == 1 && !slices.Contains(caps, "raft") {
		l.fault("node.caps", "the only node of a region has to keep its log; add raft")
	}
	c.Node.Caps = caps
}

func (l *loader) validatePaths() {
	c := l.cfg
	if !filepath.IsAbs(c.Node.DataDir) {
		l.fault("node.data_dir", "a directory is required")
		return
	}
	if over := len(c.Node.DataDir) + len(deepestSocket) - socketLimit; over > 0 {
		l.fault("node.data_dir", fmt.Sprintf("the path is %d bytes too long for the unix sockets below it", over))
	}
	if filepath.Clean(c.Node.DataDir) == "/" {
		l.fault("node.data_dir", "the root directory is not a data directory")
	}
}

// validateListen refuses two listeners on one port of overlapping hosts.
func (l *loader) validateListen() {
	type listener struct {
		path string
		addr HostPort
	}
	all := []listener{
		{"listen.api", l.cfg.Listen.API}, {"listen.cluster", l.cfg.Listen.Cluster},
		{"listen.gossip", l.cfg.Listen.Gossip}, {"listen.metrics", l.cfg.Listen.Metrics},
	}
	if a := l.cfg.Listen.Advertise; a != "" {
		if ip, err := netip.ParseAddr(a); err != nil || ip.IsUnspecified() {
			l.fault("listen.advertise", fmt.Sprintf("%q is not an IP address", a))
		}
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.addr.Port() != 0 && a.addr.Port() == b.addr.Port() && overlap(a.addr.Host(), b.addr.Host()) {
				l.fault(a.path, fmt.Sprintf("%s is already the address of %s", a.addr, b.path))
			}
		}
	}
}

func overlap(a, b string) bool { return a == b || anyHost(a) || anyHost(b) }

func anyHost(h string) bool { return h == "" || h == "0.0.0.0" || h == "::" }

func (l *loader) validateTLS() {
	t := l.cfg.TLS
	switch {
	case t.CertFile == "" && t.KeyFile == "":
	case t.KeyFile == "":
		l.fault("tls.cert_file", "set key_file beside it")
	case t.CertFile == "":
		l.fault("tls.key_file", "set cert_file beside it")
	default:
		if _, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err != nil {
			l.fault("tls.cert_file", fmt.Sprintf("the pair cannot be used: %v", err))
		}
	}
}

func (l *loader) validateNetwork() {
	n := l.cfg.Network
	if !n.PublicPool.IsValid() || !n.PublicPool.Addr().Is4() {
		l.fault("network.public_pool", "an IPv4 block is required")
		return
	}
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	if n.Mode == "user" && (!loopback.Contains(n.PublicPool.Addr()) || n.PublicPool.Bits() < 8) {
		l.fault("network.public_pool", "in user mode the agent binds public addresses itself, so they have to lie in 127.0.0.0/8")
	}
	if n.PublicPool.Contains(netip.MustParseAddr("127.0.0.1")) {
		l.fault("network.public_pool", "the block holds 127.0.0.1, which belongs to the host")
	}
	if n.PublicPool.Bits() > 29 {
		l.fault("network.public_pool", fmt.Sprintf("a /%d has room for no more than a few guests; use /29 or larger", n.PublicPool.Bits()))
	}
	if a := n.VirtualIP; a.IsValid() && (!a.Is4() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback()) {
		l.fault("network.virtual_ip", "an IPv4 address that clients of the network can reach is required")
	}
	if n.VirtualIPInterface != "" && !n.VirtualIP.IsValid() {
		l.fault("network.virtual_ip_interface", "set virtual_ip beside it")
	}
	seen := map[int]bool{}
	for _, port := range n.PublicPorts {
		if seen[port] {
			l.fault("network.public_ports", fmt.Sprintf("port %d is named twice", port))
		}
		seen[port] = true
	}
}
