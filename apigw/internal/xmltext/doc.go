// SPDX-License-Identifier: Apache-2.0

// Package xmltext appends character data to XML documents.
//
// It is the one place where text that users chose (tags, names, messages) becomes XML, so that neither the response
// encoder nor the error envelopes can forget to escape.
package xmltext
