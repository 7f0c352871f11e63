// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/hivecloud/hive/apigw"
	"github.com/hivecloud/hive/apigw/awserr"
	"github.com/hivecloud/hive/apigw/filter"
	"github.com/hivecloud/hive/apigw/ids"
	"github.com/hivecloud/hive/apigw/page"
)

// listing is what the Describe actions have in common: filters and pages over rows of type T. Make one with newListing
// before the state is read, so that a bad filter or page size is refused first, and take the answer from cut.
type listing[T any] struct {
	matcher filter.Matcher[T]
	id      func(T) string
	page    page.Request
	limits  page.Range
}

// described says how an action's rows are named, filtered and tagged.
type described[T any] struct {
	id      func(T) string
	filters map[string]func(T) []string
	tags    func(T) []types.Tag // nil: rows without tags of their own
	limits  page.Range
}

// newListing checks the caller's filters and page.
func newListing[T any](d described[T], filters []types.Filter, r page.Request) (listing[T], error) {
	l := listing[T]{id: d.id, page: r, limits: d.limits}
	if err := r.Check(d.limits); err != nil {
		return l, err
	}
	var err error
	if d.tags == nil {
		l.matcher, err = filter.Set[T](d.filters).Parse(filtersOf(filters))
		return l, err
	}
	l.matcher, err = filter.Set[T](d.filters).WithTags(func(row T) map[string]string { return tagMap(d.tags(row)) }).Parse(filtersOf(filters))
	return l, err
}

// cut is the page of the rows that pass the filters, never nil, and the token of the next page.
func (l listing[T]) cut(call *apigw.Call, rows []T) ([]T, *string, error) {
	matched := []T{}
	for _, row := range rows {
		if l.matcher.Match(row) {
			matched = append(matched, row)
		}
	}
	return apigw.Page(call, matched, l.id, l.page, l.limits)
}

// unpaged is cut for an action without pages.
func (l listing[T]) unpaged(rows []T) []T {
	matched := []T{}
	for _, row := range rows {
		if l.matcher.Match(row) {
			matched = append(matched, row)
		}
	}
	slices.SortStableFunc(matched, func(a, b T) int { return strings.Compare(l.id(a), l.id(b)) })
	return matched
}

// pick finds the rows that the caller names, each once. What is not there is the family's NotFound.
func pick[R any](family ids.Family, wanted []string, get func(id string) (*R, bool)) ([]*R, error) {
	var found []*R
	var missing []string
	seen := map[string]bool{}
	for _, id := range wanted {
		if seen[id] {
			continue
		}
		seen[id] = true
		row, ok := get(id)
		if !ok {
			missing = append(missing, id)
			continue
		}
		found = append(found, row)
	}
	if len(missing) > 0 {
		return nil, notFound(family, missing...)
	}
	return found, nil
}

// notFound is the family's NotFound; of images EC2 writes the ids in brackets.
func notFound(family ids.Family, missing ...string) error {
	if family == ids.PlacementGroup && len(missing) == 1 {
		return unknownPlacementGroup(missing[0])
	}
	if family != ids.Image {
		return family.Missing(missing...)
	}
	if len(missing) == 1 {
		return awserr.New(family.NotFound, "The image id '[%s]' does not exist", missing[0])
	}
	return awserr.New(family.NotFound, "The image ids '[%s]' do not exist", strings.Join(missing, ", "))
}

// translate turns rows into what the API shows.
func translate[R, T any](list []R, show func(R) T) []T {
	out := make([]T, 0, len(list))
	for _, row := range list {
		out = append(out, show(row))
	}
	return out
}
