// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Sources says where Load looks, from weakest to strongest.
type Sources struct {
	// Paths are configuration files, or directories whose *.hcl files are read
	// in name order. A later file overrides single arguments of an earlier one.
	// A path that does not exist is an error.
	Paths []string
	// Env is the environment in the form of os.Environ. Variables outside
	// HIVE_<BLOCK>_ are left alone.
	Env []string
	// Flags maps flag names to values, for the flags the user gave.
	Flags map[string]string
	// Host is what the machine is like; nil asks the machine.
	Host *Host
}

// Kind is the sort of place a value came from.
type Kind string

// The places a value may come from, weakest first.
const (
	FromDefault Kind = "default"
	FromDerived Kind = "derived"
	FromFile    Kind = "file"
	FromEnv     Kind = "environment"
	FromFlag    Kind = "flag"
)

// Origin says where one value came from.
type Origin struct {
	Kind Kind
	// Where names the file and line, the variable, the flag, or the rule.
	Where string

	subject *hcl.Range
}

// String is the form `hive config show --origin` prints.
func (o Origin) String() string {
	if o.Where == "" {
		return string(o.Kind)
	}
	return string(o.Kind) + " " + o.Where
}

// Load reads every source and checks the result. The configuration is complete
// only when the diagnostics hold no error; warnings do not spoil it.
func Load(src Sources) (*Config, *Diagnostics) {
	l := &loader{
		cfg:   &Config{origins: map[string]Origin{}},
		diags: &Diagnostics{files: map[string]*hcl.File{}},
		rank:  map[string]int{},
	}
	l.leaves = leaves(l.cfg)
	for _, leaf := range l.leaves {
		l.applyDefault(leaf)
	}
	for _, path := range l.expand(src.Paths) {
		l.readFile(path)
	}
	l.readEnv(src.Env)
	l.readFlags(src.Flags)
	host := src.Host
	if host == nil {
		host = thisHost()
	}
	l.derive(*host)
	l.validate()
	l.diags.sort(l.rank)
	return l.cfg, l.diags
}

// loader carries the state of one Load.
type loader struct {
	cfg    *Config
	leaves []leaf
	diags  *Diagnostics
	rank   map[string]int // source name -> order of reading, to sort by
	broken bool           // a source could not be read or parsed
}

// errorf records a fault of a whole source, which has no place in a file.
func (l *loader) errorf(summary, detail string) {
	l.diags.List = append(l.diags.List, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: sentence(detail)})
}

func (l *loader) applyDefault(f leaf) {
	l.cfg.origins[f.path()] = Origin{Kind: FromDefault}
	text, ok := f.tag.Lookup("default")
	if !ok {
		return
	}
	if err := f.setText(text); err != nil {
		panic(fmt.Sprintf("config: default of %s: %v", f.path(), err))
	}
}

// expand turns directories into their *.hcl files.
func (l *loader) expand(paths []string) []string {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.broken = true
			l.errorf("Configuration not found", fmt.Sprintf("%s does not exist. Give --config the file or directory that holds the configuration", path))
		case err != nil:
			l.broken = true
			l.errorf("Configuration not readable", err.Error())
		case info.IsDir():
			found, _ := filepath.Glob(filepath.Join(path, "*.hcl")) // the pattern is constant and valid
			slices.Sort(found)
			files = append(files, found...)
		default:
			files = append(files, path)
		}
	}
	return files
}

// addSource registers text under a name, so that diagnostics can quote it.
func (l *loader) addSource(name string, file *hcl.File) {
	l.rank[name] = len(l.rank)
	l.diags.files[name] = file
}

func (l *loader) readFile(path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		l.broken = true
		l.errorf("Configuration not readable", err.Error())
		return
	}
	l.cfg.used = append(l.cfg.used, path)
	file, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos)
	if file == nil {
		file = &hcl.File{Bytes: src}
	}
	l.addSource(path, file)
	if diags.HasErrors() {
		l.broken = true
		// What follows the first parse error is its echo, and the values of a
		// half-read file would only add faults that are none.
		for _, d := range diags {
			if d.Severity == hcl.DiagError {
				l.diags.List = append(l.diags.List, d)
				return
			}
		}
	}
	l.readBody(file.Body.(*hclsyntax.Body))
}

func (l *loader) readBody(body *hclsyntax.Body) {
	for _, attr := range body.Attributes {
		l.unknownArgument(attr, "", l.topLevelHint(attr.Name))
	}
	seen := map[string]hcl.Range{}
	for _, block := range body.Blocks {
		if !slices.Contains(l.blockNames(), block.Type) {
			l.add(block.TypeRange, "Unsupported block type", fmt.Sprintf("Blocks of type %q are not expected here%s", block.Type, didYouMean(block.Type, l.blockNames())))
			continue
		}
		if len(block.Labels) > 0 {
			l.add(block.LabelRanges[0], "Unexpected label", fmt.Sprintf("A %s block has no label", block.Type))
		}
		if first, twice := seen[block.Type]; twice {
			l.add(block.TypeRange, "Duplicate block", fmt.Sprintf("This file already has a %s block at line %d; put the arguments there", block.Type, first.Start.Line))
		} else {
			seen[block.Type] = block.TypeRange
		}
		l.readBlock(block)
	}
}

func (l *loader) readBlock(block *hclsyntax.Block) {
	for _, inner := range block.Body.Blocks {
		l.add(inner.TypeRange, "Unsupported block type", fmt.Sprintf("A %s block holds no blocks; write %s = ... for an argument", block.Type, inner.Type))
	}
	set := map[string]string{}
	for _, attr := range sortedAttributes(block.Body.Attributes) {
		f, ok := l.find(block.Type, attr.Name)
		if !ok {
			l.unknownArgument(attr, block.Type, "")
			continue
		}
		if other, twice := set[f.path()]; twice {
			l.add(attr.NameRange, "Duplicate argument", fmt.Sprintf("the names %s and %s mean one argument; keep one", other, attr.Name))
			continue
		}
		set[f.path()] = attr.Name
		l.diags.List = append(l.diags.List, f.setExpr(attr.Expr)...)
		at := attr.Expr.Range()
		l.cfg.origins[f.path()] = Origin{Kind: FromFile, Where: fmt.Sprintf("%s:%d", at.Filename, at.Start.Line), subject: &at}
	}
}

func sortedAttributes(attrs hclsyntax.Attributes) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, name := range sortedKeys(attrs) {
		out = append(out, attrs[name])
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}

func (l *loader) add(at hcl.Range, summary, detail string) {
	l.diags.List = append(l.diags.List, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: sentence(detail), Subject: at.Ptr()})
}

func (l *loader) unknownArgument(attr *hclsyntax.Attribute, block, hint string) {
	var known []string
	for _, f := range l.leaves {
		if f.block == block {
			known = append(known, f.key)
		}
	}
	if hint == "" {
		hint = didYouMean(attr.Name, known)
	}
	l.add(attr.NameRange, "Unsupported argument", fmt.Sprintf("An argument named %q is not expected here%s", attr.Name, hint))
}

// topLevelHint tells whoever writes region = "..." outside of any block where
// the argument belongs.
func (l *loader) topLevelHint(name string) string {
	for _, f := range l.leaves {
		if f.key == name || f.tag.Get("flag") == name || f.tag.Get("alias") == name {
			return fmt.Sprintf("; write %s { %s = ... }", f.block, f.key)
		}
	}
	return didYouMean(name, l.blockNames())
}

func (l *loader) blockNames() []string {
	var names []string
	for _, f := range l.leaves {
		if !slices.Contains(names, f.block) {
			names = append(names, f.block)
		}
	}
	return names
}

func (l *loader) find(block, key string) (leaf, bool) {
	for _, f := range l.leaves {
		if f.block == block && (f.key == key || f.tag.Get("alias") == key) {
			return f, true
		}
	}
	return leaf{}, false
}

// readEnv applies HIVE_<BLOCK>_<KEY> and the short names. A variable that
// starts like one of ours but names no key is a fault: it was meant for us.
func (l *loader) readEnv(env []string) {
	given := map[string]string{}
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, "HIVE_") {
			given[name] = value
		}
	}
	known := map[string]bool{}
	for _, f := range l.leaves {
		long, short := f.env(), f.tag.Get("env")
		known[long], known[short] = true, true
		longValue, hasLong := given[long]
		shortValue, hasShort := given[short]
		switch {
		case hasLong && hasShort && longValue != shortValue:
			l.errorf("Contradicting environment", fmt.Sprintf("%s and %s set %s to different values; keep one", short, long, f.path()))
		case hasLong:
			l.applyText(f, FromEnv, long, longValue)
		case hasShort:
			l.applyText(f, FromEnv, short, shortValue)
		}
	}
	for _, name := range sortedKeys(given) {
		if known[name] || !l.looksLikeOurs(name) {
			continue
		}
		l.errorf("Unknown environment variable", fmt.Sprintf("%s names no configuration key%s", name, didYouMean(name, sortedKeys(known))))
	}
}

func (l *loader) looksLikeOurs(name string) bool {
	return slices.ContainsFunc(l.blockNames(), func(block string) bool {
		return strings.HasPrefix(name, "HIVE_"+strings.ToUpper(block)+"_")
	})
}

func (l *loader) readFlags(flags map[string]string) {
	for _, f := range l.leaves {
		name := f.tag.Get("flag")
		if value, ok := flags[name]; ok && name != "" {
			l.applyText(f, FromFlag, "--"+name, value)
		}
	}
}

// applyText sets a leaf from one line of text that is quoted in diagnostics as
// if it were a file of its own.
func (l *loader) applyText(f leaf, kind Kind, name, text string) {
	at := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.Pos{Line: 1, Column: len(text) + 1, Byte: len(text)}}
	l.addSource(name, &hcl.File{Bytes: []byte(text)})
	l.cfg.origins[f.path()] = Origin{Kind: kind, Where: name, subject: &at}
	if err := f.setText(text); err != nil {
		l.add(at, "Invalid value for "+f.path(), err.Error())
	}
}
