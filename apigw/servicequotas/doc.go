// SPDX-License-Identifier: Apache-2.0

// Package servicequotas answers the reading part of the Service Quotas API from the quotas that the state machine
// enforces. Operators change quotas with `hive account quota set`; requests for increases are refused by name. Codes that
// AWS does not have start with "H-". There are no goroutines.
package servicequotas
