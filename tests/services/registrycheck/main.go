// registrycheck drives an endpoint of the Schema-Registry protocol with the client of franz-go
// (github.com/twmb/franz-go/pkg/sr), which knows nothing of the program under test.
//
//	registrycheck run URL SUBJECT    every verb of the client, on subjects whose names begin with SUBJECT
//
// Exit status 0: all answers were as a client expects. 1: one was not, which is named on standard error.
package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

const (
	first    = `{"type":"record","name":"Scan","fields":[{"name":"path","type":"string"}]}`
	second   = `{"type":"record","name":"Scan","fields":[{"name":"path","type":"string"},{"name":"depth","type":"int","default":0}]}`
	breaking = `{"type":"record","name":"Scan","fields":[{"name":"other","type":"int"}]}`
	inner    = `{"type":"record","name":"Inner","namespace":"deep","fields":[{"name":"x","type":"int"}]}`
	outer    = `{"type":"record","name":"Outer","fields":[{"name":"inner","type":"deep.Inner"}]}`
)

// check is one client, and the first thing that was not as expected.
type check struct {
	*sr.Client
	ctx    context.Context
	failed error
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println("1.8.0") // of github.com/twmb/franz-go/pkg/sr
		return
	}
	err := fmt.Errorf("usage: registrycheck version | run URL SUBJECT")
	if len(os.Args) == 4 && os.Args[1] == "run" {
		err = run(os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(url, subject string) error {
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := &check{Client: client, ctx: ctx}
	id := c.versions(subject + "/a")
	c.byID(subject+"/a", id)
	c.settings(subject + "/a")
	c.references(subject)
	c.deletions(subject + "/a")
	return c.failed
}

// that holds an answer to what is expected of it; after the first that is not, nothing counts any more.
func (c *check) that(what string, err error, holds bool, told any) {
	if c.failed == nil && (err != nil || !holds) {
		c.failed = fmt.Errorf("%s: %v, told %v", what, err, told)
	}
}

func (c *check) versions(subject string) int {
	one, err := c.CreateSchema(c.ctx, subject, sr.Schema{Schema: first})
	c.that("create", err, one.Version == 1 && one.ID > 0, one)
	two, err := c.CreateSchema(c.ctx, subject, sr.Schema{Schema: second})
	c.that("create the next", err, two.Version == 2, two)
	again, err := c.CreateSchema(c.ctx, subject, sr.Schema{Schema: first})
	c.that("create again", err, again.ID == one.ID && again.Version == 1, again)
	found, err := c.LookupSchema(c.ctx, subject, sr.Schema{Schema: first})
	c.that("look up", err, found.ID == one.ID, found)
	latest, err := c.SchemaByVersion(c.ctx, subject, -1)
	c.that("latest", err, latest.Version == 2 && latest.Type == sr.TypeAvro, latest)
	text, err := c.SchemaTextByVersion(c.ctx, subject, 1)
	c.that("text by version", err, text == first, text)
	numbers, err := c.SubjectVersions(c.ctx, subject)
	c.that("versions", err, slices.Equal(numbers, []int{1, 2}), numbers)
	schemas, err := c.Schemas(c.ctx, subject)
	c.that("schemas", err, len(schemas) == 2, schemas)
	everything, err := c.AllSchemas(c.ctx)
	c.that("all schemas", err, len(everything) >= 2, everything)
	subjects, err := c.Subjects(c.ctx)
	c.that("subjects", err, slices.Contains(subjects, subject), subjects)
	types, err := c.SupportedTypes(c.ctx)
	c.that("types", err, len(types) == 3, types)
	contexts, err := c.Contexts(c.ctx)
	c.that("contexts", err, slices.Contains(contexts, "."), contexts)
	return one.ID
}

func (c *check) byID(subject string, id int) {
	schema, err := c.SchemaByID(c.ctx, id)
	c.that("by id", err, schema.Schema == first, schema)
	text, err := c.SchemaTextByID(c.ctx, id)
	c.that("text by id", err, text == first, text)
	subjects, err := c.SubjectsByID(c.ctx, id)
	c.that("subjects by id", err, slices.Contains(subjects, subject), subjects)
	versions, err := c.SchemaVersionsByID(c.ctx, id)
	c.that("versions by id", err, len(versions) > 0, versions)
	usages, err := c.SchemaUsagesByID(c.ctx, id)
	c.that("usages by id", err, len(usages) > 0, usages)
}

func (c *check) settings(subject string) {
	verdict, err := c.CheckCompatibility(sr.WithParams(c.ctx, sr.Verbose), subject, -1, sr.Schema{Schema: breaking})
	c.that("compatibility", err, !verdict.Is && len(verdict.Messages) > 0, verdict)
	for _, told := range c.SetCompatibility(c.ctx, sr.SetCompatibility{Level: sr.CompatFull}, subject) {
		c.that("set a level", told.Err, told.Level == sr.CompatFull, told)
	}
	for _, told := range c.Compatibility(c.ctx, subject) {
		c.that("a level", told.Err, told.Level == sr.CompatFull, told)
	}
	for _, told := range c.Compatibility(c.ctx) {
		c.that("the level of all", told.Err, told.Level == sr.CompatBackward, told)
	}
	for _, told := range c.ResetCompatibility(c.ctx, subject) {
		c.that("reset a level", told.Err, true, told)
	}
	for _, told := range c.SetMode(c.ctx, sr.ModeReadOnly, subject) {
		c.that("set a mode", told.Err, told.Mode == sr.ModeReadOnly, told)
	}
	for _, told := range c.Mode(c.ctx, subject) {
		c.that("a mode", told.Err, told.Mode == sr.ModeReadOnly, told)
	}
	for _, told := range c.ResetMode(c.ctx, subject) {
		c.that("reset a mode", told.Err, true, told)
	}
}

func (c *check) references(subject string) {
	_, err := c.CreateSchema(c.ctx, subject+"-inner", sr.Schema{Schema: inner})
	c.that("create what is referred to", err, true, nil)
	named := []sr.SchemaReference{{Name: "deep.Inner", Subject: subject + "-inner", Version: 1}}
	made, err := c.CreateSchema(c.ctx, subject+"-outer", sr.Schema{Schema: outer, References: named})
	c.that("create what refers", err, slices.Equal(made.References, named), made)
	users, err := c.SchemaReferences(c.ctx, subject+"-inner", 1)
	c.that("what refers", err, len(users) == 1 && users[0].ID == made.ID, users)
	err = c.DeleteSchema(c.ctx, subject+"-inner", 1, sr.SoftDelete)
	c.that("what is referred to stays", nil, err != nil, err)
}

func (c *check) deletions(subject string) {
	c.that("delete a version", c.DeleteSchema(c.ctx, subject, 1, sr.SoftDelete), true, nil)
	_, err := c.SchemaByVersion(c.ctx, subject, 1)
	c.that("a deleted version is gone", nil, err != nil, err)
	shown, err := c.SchemaByVersion(sr.WithParams(c.ctx, sr.ShowDeleted), subject, 1)
	c.that("a deleted version is shown", err, shown.Schema.Schema == first, shown)
	gone, err := c.DeleteSubject(c.ctx, subject, sr.SoftDelete)
	c.that("delete a subject", err, slices.Equal(gone, []int{2}), gone)
	gone, err = c.DeleteSubject(c.ctx, subject, sr.HardDelete)
	c.that("delete a subject for ever", err, slices.Equal(gone, []int{1, 2}), gone)
}
