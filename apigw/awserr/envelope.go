// SPDX-License-Identifier: Apache-2.0

package awserr

import "github.com/hivecloud/hive/apigw/internal/xmltext"

const header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// AppendEC2 appends the error envelope of the EC2 query protocol.
func AppendEC2(b []byte, e *Error, requestID string) []byte {
	b = append(b, header+"<Response><Errors><Error><Code>"...)
	b = xmltext.Append(b, e.Code)
	b = append(b, "</Code><Message>"...)
	b = xmltext.Append(b, e.Message)
	b = append(b, "</Message></Error></Errors><RequestID>"...)
	b = xmltext.Append(b, requestID)
	return append(b, "</RequestID></Response>"...)
}

// AppendQuery appends the error envelope of the query protocol of IAM and STS.
func AppendQuery(b []byte, namespace string, e *Error, requestID string) []byte {
	b = append(b, header+"<ErrorResponse xmlns=\""...)
	b = xmltext.Append(b, namespace)
	b = append(b, "\"><Error><Type>"...)
	b = append(b, e.fault()...)
	b = append(b, "</Type><Code>"...)
	b = xmltext.Append(b, e.Code)
	b = append(b, "</Code><Message>"...)
	b = xmltext.Append(b, e.Message)
	b = append(b, "</Message></Error><RequestId>"...)
	b = xmltext.Append(b, requestID)
	return append(b, "</RequestId></ErrorResponse>"...)
}
