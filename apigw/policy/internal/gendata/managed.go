// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// names are the policies that people attach who use what Hive serves. Policies of services that Hive does not have
// would only promise something.
var names = []string{
	"AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "AWSDenyAll",
	"Billing", "DataScientist", "DatabaseAdministrator", "NetworkAdministrator", "SupportUser", "SystemAdministrator", "ViewOnlyAccess",
	"IAMFullAccess", "IAMReadOnlyAccess", "IAMUserChangePassword", "IAMUserSSHKeys", "IAMSelfManageServiceSpecificCredentials", "IAMAccessAdvisorReadOnly",
	"AmazonEC2FullAccess", "AmazonEC2ReadOnlyAccess", "AmazonEC2RoleforSSM", "AmazonEC2ContainerRegistryReadOnly", "AmazonEC2ContainerRegistryPullOnly",
	"AmazonEBSCSIDriverPolicy", "AutoScalingFullAccess", "AutoScalingReadOnlyAccess", "ElasticLoadBalancingFullAccess", "ElasticLoadBalancingReadOnly",
	"AmazonVPCFullAccess", "AmazonVPCReadOnlyAccess", "AmazonVPCCrossAccountNetworkInterfaceOperations",
	"AmazonS3FullAccess", "AmazonS3ReadOnlyAccess",
	"AmazonSSMFullAccess", "AmazonSSMReadOnlyAccess", "AmazonSSMManagedInstanceCore", "AmazonSSMManagedEC2InstanceDefaultPolicy",
	"CloudWatchFullAccess", "CloudWatchFullAccessV2", "CloudWatchReadOnlyAccess", "CloudWatchAgentServerPolicy", "CloudWatchAgentAdminPolicy", "CloudWatchActionsEC2Access",
	"CloudWatchLogsFullAccess", "CloudWatchLogsReadOnlyAccess",
	"AWSCloudTrail_FullAccess", "AWSCloudTrail_ReadOnlyAccess", "AWSKeyManagementServicePowerUser",
	"ServiceQuotasFullAccess", "ServiceQuotasReadOnlyAccess", "AWSSupportAccess", "AWSAccountManagementFullAccess", "AWSAccountManagementReadOnlyAccess",
	"AWSOrganizationsFullAccess", "AWSOrganizationsReadOnlyAccess", "ResourceGroupsandTagEditorFullAccess", "ResourceGroupsandTagEditorReadOnlyAccess",
}

type policyData struct {
	ARN      string `json:"arn"`
	Latest   string `json:"latestVersionId"`
	Versions map[string]struct {
		Created  string          `json:"createdDate"`
		Document json.RawMessage `json:"document"`
	} `json:"versions"`
	Created string `json:"createdDate"`
	Updated string `json:"lastUpdatedDate"`
}

// line is one policy in policies.jsonl; apigw/policy/managed reads it.
type line struct {
	Name     string          `json:"name"`
	ARN      string          `json:"arn"`
	Version  string          `json:"version"`
	Created  string          `json:"created"`
	Updated  string          `json:"updated"`
	Document json.RawMessage `json:"document"`
}

// writeManaged writes the newest version of each of the policies, one a line, in the order of their names.
func writeManaged(dir, path string) error {
	all := map[string]policyData{}
	if err := readJSON(&all, dir, "dist", "managedPolicies.json"); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, name := range slices.Sorted(slices.Values(names)) {
		p, ok := all[name]
		if !ok {
			return errors.New("there is no managed policy " + name)
		}
		newest := p.Versions[p.Latest]
		l := line{Name: name, ARN: p.ARN, Version: p.Latest, Created: p.Created, Updated: newest.Created, Document: newest.Document}
		text, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("write policy %s: %w", name, err)
		}
		b.Write(append(text, '\n'))
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
