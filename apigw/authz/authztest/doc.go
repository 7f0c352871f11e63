// SPDX-License-Identifier: Apache-2.0

// Package authztest tests the authorization of a service's handlers against AWS's authorization reference
// (apigw/policy/actions): every action asks about the resources that the reference demands, with their condition keys;
// a policy that allows just that lets it through, a Deny of it does not and changes nothing.
//
// A service's test fills a Service in and calls Test. Actions are taken from the service's declared members, so that one
// that is added later is tested without a word.
package authztest
