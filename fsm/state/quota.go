// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"strings"
)

// QuotaDef is a limit that every account has. Names and codes are those of AWS's Service Quotas where it has the quota.
type QuotaDef struct {
	Service string // "ec2"
	Code    string // "L-1216C47A"; those that AWS does not have start with "H-"
	Name    string // what `hive account quota` calls it
	Title   string // AWS's name
	Unit    string // "None", "Gigabytes"
	Default int64  // Unlimited: none
	setting string // the cluster setting that the default comes from; its 0 means Unlimited
}

// Unlimited is the value of a quota that bounds nothing.
const Unlimited = int64(1) << 52

// Families of instance types, each with a quota of its own on AWS.
var families = []struct {
	code, name, title string
	prefixes          []string
}{
	{"L-1216C47A", "vcpus-standard", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", []string{"a", "c", "d", "h", "i", "m", "r", "t", "z"}},
	{"L-DB2E81BA", "vcpus-g", "Running On-Demand G and VT instances", []string{"g", "vt"}},
	{"L-1945791B", "vcpus-inf", "Running On-Demand Inf instances", []string{"inf"}},
	{"L-417A185B", "vcpus-p", "Running On-Demand P instances", []string{"p"}},
	{"L-7295265B", "vcpus-x", "Running On-Demand X instances", []string{"x"}},
	{"L-74FC7D96", "vcpus-f", "Running On-Demand F instances", []string{"f"}},
}

// QuotaOfType is the code of the quota that counts an instance type's vCPUs.
func QuotaOfType(instanceType string) string {
	letters := instanceType[:len(instanceType)-len(strings.TrimLeft(instanceType, "abcdefghijklmnopqrstuvwxyz"))]
	for _, f := range families {
		if slices.Contains(f.prefixes, letters) {
			return f.code
		}
	}
	return families[0].code
}

// Codes of quotas that rules ask for by name.
const (
	QuotaInstances  = "H-INSTANCES"
	QuotaVolumes    = "H-VOLUMES"
	QuotaStorage    = "H-STORAGE"
	QuotaKeyPairs   = "H-KEYPAIRS"
	QuotaIOPSio1    = "L-B3A130E6"
	QuotaIOPSio2    = "L-8D977E7E"
	QuotaKMSKeys    = "L-C2F1777E"
	QuotaKMSAliases = "L-2601EE20"
)

// quotaDefs is every quota, ordered by service and code: made once, because each launch asks for all of them.
var quotaDefs = func() []QuotaDef {
	out := []QuotaDef{
		{Service: "ec2", Code: QuotaInstances, Name: "instances", Title: "Instances that are not terminated", Unit: "None", Default: Unlimited},
		{Service: "ec2", Code: QuotaKeyPairs, Name: "key-pairs", Title: "Key pairs", Unit: "None", Default: 5000, setting: SettingKeyPairs},
		{Service: "ebs", Code: QuotaVolumes, Name: "volumes", Title: "Volumes", Unit: "None", Default: Unlimited},
		{Service: "ebs", Code: QuotaStorage, Name: "storage-gib", Title: "Storage for volumes of all types, in GiB", Unit: "Gigabytes", Default: 51200, setting: SettingStorage},
		{Service: "ebs", Code: QuotaIOPSio1, Name: "iops-io1", Title: "IOPS for Provisioned IOPS SSD (io1) volumes", Unit: "None", Default: 300_000},
		{Service: "ebs", Code: QuotaIOPSio2, Name: "iops-io2", Title: "IOPS for Provisioned IOPS SSD (io2) volumes", Unit: "None", Default: 100_000},
		{Service: "kms", Code: QuotaKMSKeys, Name: "kms-keys", Title: "Customer Master Keys (CMKs)", Unit: "None", Default: 100_000},
		{Service: "kms", Code: QuotaKMSAliases, Name: "kms-aliases", Title: "Aliases per CMK", Unit: "None", Default: 50},
	}
	for _, f := range families {
		out = append(out, QuotaDef{Service: "ec2", Code: f.code, Name: f.name, Title: f.title, Unit: "None", Default: Unlimited, setting: SettingVCPUs})
	}
	slices.SortFunc(out, func(a, b QuotaDef) int { return strings.Compare(a.Service+"/"+a.Code, b.Service+"/"+b.Code) })
	return out
}()

// QuotaDefs lists every quota, ordered by service and code.
func QuotaDefs() []QuotaDef { return slices.Clone(quotaDefs) }

// FindQuota is a quota by its code or its name.
func FindQuota(code string) (QuotaDef, bool) {
	for _, d := range quotaDefs {
		if d.Code == code || d.Name == code {
			return d, true
		}
	}
	return QuotaDef{}, false
}

// QuotaDefault is what an account has for which nothing was set.
func (v *View) QuotaDefault(d QuotaDef) int64 {
	if d.setting == "" {
		return d.Default
	}
	if n := int64(v.SettingInt(d.setting)); n > 0 {
		return n
	}
	return Unlimited
}

// Quota is what an account may have; Unlimited for a code that there is not.
func (v *View) Quota(account, code string) int64 {
	if q, ok := AccountQuotas.Get(v, account, QuotaKey(account, code)); ok {
		return q.Value
	}
	d, ok := FindQuota(code)
	if !ok {
		return Unlimited
	}
	return v.QuotaDefault(d)
}
