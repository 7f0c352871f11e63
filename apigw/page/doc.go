// SPDX-License-Identifier: Apache-2.0

// Package page cuts long answers into pages: MaxResults and NextToken for EC2, MaxItems and Marker for IAM.
//
// A token names the last row of the page before, not a position, so that rows which come and go between two pages
// neither repeat nor hide others. It is opaque and authenticated with a key that all nodes share: a token works on any
// node, only for the account and action that got it, and cannot be made up.
package page
