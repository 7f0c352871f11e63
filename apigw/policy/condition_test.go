// SPDX-License-Identifier: Apache-2.0

package policy

import "testing"

func TestConditions(t *testing.T) {
	t.Parallel()
	keys := NewKeys(map[string][]string{
		"aws:SourceIp": {"10.1.2.3"}, "aws:CurrentTime": {"2026-11-25T08:00:00Z"}, "aws:EpochTime": {"1795593600"}, "aws:SecureTransport": {"true"},
		"aws:PrincipalTag/team": {"blue"}, "aws:ResourceTag/team": {"blue"}, "aws:ResourceTag/Owner": {"ann"}, "aws:RequestTag/env": {"prod"},
		"aws:TagKeys": {"env", "team"}, "ec2:InstanceType": {"t3.micro"}, "s3:max-keys": {"10"}, "s3:prefix": {"home/alice/"},
		"test:arn": {"arn:aws:iam::111111111111:role/worker"}, "test:empty": {""}, "test:binary": {"aGl2ZQ=="}, "test:v6": {"2001:db8::1"},
		"test:bad": {"seven"}, "test:Many": {"a", "b", "c"}, "test:star": {"*"},
	})
	for _, c := range []struct {
		condition string
		want      bool
	}{
		{`"StringEquals":{"ec2:InstanceType":"t3.micro"}`, true},
		{`"StringEquals":{"EC2:instancetype":"t3.micro"}`, true},
		{`"StringEquals":{"ec2:InstanceType":"T3.micro"}`, false},
		{`"StringEquals":{"ec2:InstanceType":["m5.large","t3.micro"]}`, true},
		{`"StringEquals":{"ec2:InstanceType":"t3.*"}`, false},
		{`"StringEquals":{"ec2:InstanceType":[]}`, false},
		{`"StringEquals":{"ec2:Missing":"x"}`, false},
		{`"StringEquals":{"ec2:Missing":""}`, false},
		{`"StringEquals":{"test:empty":""}`, true},
		{`"StringEqualsIfExists":{"ec2:Missing":"x"}`, true},
		{`"StringEqualsIfExists":{"ec2:InstanceType":"x"}`, false},
		{`"StringNotEquals":{"ec2:InstanceType":"x"}`, true},
		{`"StringNotEquals":{"ec2:InstanceType":["x","t3.micro"]}`, false},
		{`"StringNotEquals":{"ec2:Missing":"x"}`, true},
		{`"StringNotEqualsIfExists":{"ec2:Missing":"x"}`, true},
		{`"StringEqualsIgnoreCase":{"ec2:InstanceType":"T3.MICRO"}`, true},
		{`"StringNotEqualsIgnoreCase":{"ec2:InstanceType":"T3.MICRO"}`, false},
		{`"StringLike":{"ec2:InstanceType":"t3.*"}`, true},
		{`"StringLike":{"ec2:InstanceType":"t?.micro"}`, true},
		{`"StringLike":{"ec2:InstanceType":"m*"}`, false},
		{`"StringNotLike":{"ec2:InstanceType":"m*"}`, true},
		{`"StringNotLike":{"ec2:InstanceType":["m*","t3.*"]}`, false},
		{`"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}`, true},
		{`"StringEquals":{"aws:ResourceTag/owner":"ann"}`, true},
		{`"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}`, false},
		{`"StringLike":{"s3:prefix":"home/${aws:username}/*"}`, true},
		{`"StringEquals":{"ec2:InstanceType":"${aws:PrincipalTag/type, 't3.micro'}"}`, true},
		{`"StringEqualsIgnoreCase":{"ec2:InstanceType":"${aws:PrincipalTag/type, 'T3.micro'}"}`, true},
		{`"StringEquals":{"test:star":"${*}"}`, true},
		{`"StringNotEquals":{"ec2:InstanceType":"${aws:PrincipalTag/missing}"}`, true},
		{`"StringEquals":{"ec2:InstanceType":"t3.micro","s3:prefix":"other"}`, false},
		{`"StringEquals":{"ec2:InstanceType":"t3.micro"},"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"StringEquals":{"ec2:InstanceType":"t3.micro"},"Bool":{"aws:SecureTransport":"false"}`, false},

		{`"NumericEquals":{"s3:max-keys":"10"}`, true},
		{`"NumericEquals":{"s3:max-keys":10.0}`, true},
		{`"NumericNotEquals":{"s3:max-keys":"10"}`, false},
		{`"NumericLessThan":{"s3:max-keys":"10"}`, false},
		{`"NumericLessThanEquals":{"s3:max-keys":"10"}`, true},
		{`"NumericGreaterThan":{"s3:max-keys":"9"}`, true},
		{`"NumericGreaterThanEquals":{"s3:max-keys":"11"}`, false},
		{`"NumericEquals":{"test:bad":"7"}`, false},
		{`"NumericNotEquals":{"test:bad":"7"}`, true},
		{`"NumericLessThanIfExists":{"ec2:Missing":"7"}`, true},
		{`"NumericLessThan":{"ec2:Missing":"7"}`, false},

		{`"DateLessThan":{"aws:CurrentTime":"2026-11-25T08:00:01Z"}`, true},
		{`"DateGreaterThan":{"aws:CurrentTime":"2026-11-25T08:00:01Z"}`, false},
		{`"DateEquals":{"aws:CurrentTime":"2026-11-25T09:00:00+01:00"}`, true},
		{`"DateNotEquals":{"aws:CurrentTime":"2026-11-25T09:00:00+01:00"}`, false},
		{`"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-25"}`, true},
		{`"DateLessThanEquals":{"aws:EpochTime":"1795593600"}`, true},
		{`"DateLessThan":{"aws:EpochTime":"2026-11-25T08:00:00Z"}`, false},

		{`"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"Bool":{"aws:SecureTransport":"TRUE"}`, true},
		{`"Bool":{"aws:SecureTransport":false}`, false},
		{`"Bool":{"aws:MultiFactorAuthPresent":"false"}`, false},
		{`"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}`, true},
		{`"Null":{"aws:MultiFactorAuthPresent":"true"}`, true},
		{`"Null":{"aws:MultiFactorAuthPresent":"false"}`, false},
		{`"Null":{"ec2:InstanceType":"true"}`, false},
		{`"Null":{"ec2:InstanceType":"false"}`, true},
		{`"BinaryEquals":{"test:binary":"aGl2ZQ=="}`, true},
		{`"BinaryEquals":{"test:binary":"aGl2ZTI="}`, false},

		{`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, true},
		{`"IpAddress":{"aws:SourceIp":"10.1.2.3"}`, true},
		{`"IpAddress":{"aws:SourceIp":["192.168.0.0/16","10.1.0.0/16"]}`, true},
		{`"IpAddress":{"aws:SourceIp":"10.2.0.0/16"}`, false},
		{`"NotIpAddress":{"aws:SourceIp":"10.2.0.0/16"}`, true},
		{`"NotIpAddress":{"aws:SourceIp":["10.2.0.0/16","10.1.0.0/16"]}`, false},
		{`"IpAddress":{"test:v6":"2001:db8::/32"}`, true},
		{`"IpAddress":{"test:bad":"0.0.0.0/0"}`, false},

		{`"ArnEquals":{"test:arn":"arn:aws:iam::111111111111:role/worker"}`, true},
		{`"ArnEquals":{"test:arn":"arn:aws:iam::*:role/*"}`, true},
		{`"ArnLike":{"test:arn":"arn:aws:iam::*:user/*"}`, false},
		{`"ArnLike":{"test:arn":"arn:aws:*:role/worker"}`, false},
		{`"ArnNotLike":{"test:arn":"arn:aws:iam::*:user/*"}`, true},
		{`"ArnNotEquals":{"test:arn":"arn:aws:iam::*:role/*"}`, false},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/ali*"}`, true},

		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env","team","cost"]}`, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}`, false},
		{`"ForAllValues:StringEquals":{"ec2:Missing":["env"]}`, true},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":["cost"]}`, true},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":["team"]}`, false},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["team","cost"]}`, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["cost"]}`, false},
		{`"ForAnyValue:StringEquals":{"ec2:Missing":["cost"]}`, false},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["team"]}`, true},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["team","env"]}`, false},
		{`"ForAnyValue:StringNotEquals":{"ec2:Missing":["team"]}`, false},
		{`"ForAnyValue:StringLike":{"test:Many":["z*","b*"]}`, true},
		{`"ForAllValues:StringLike":{"test:Many":["?"]}`, true},
		{`"ForAnyValue:StringEqualsIfExists":{"ec2:Missing":["cost"]}`, true},
		{`"StringNotEquals":{"test:Many":"b"}`, false},
		{`"StringEquals":{"test:Many":"b"}`, true},
		{`"StringEquals":{"ec2:InstanceType":"${test:Many}"}`, false},
	} {
		t.Run(c.condition, func(t *testing.T) {
			t.Parallel()
			set := Set{Identity: []Source{inside(t, Identity, allowAll+`,"Condition":{`+c.condition+`}`)}}
			if d := Evaluate(Request{Principal: alice, Action: "ec2:RunInstances", Resource: "*", Context: keys}, set); d.Allowed != c.want {
				t.Errorf("allowed %v, want %v", d.Allowed, c.want)
			}
		})
	}
}
