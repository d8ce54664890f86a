package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// GlueOptions say which Data Catalog of AWS Glue is meant, and how to be let in.
type GlueOptions struct {
	Region    string // "": the machine's
	Profile   string // of the shared files of AWS; "": the machine's
	CatalogID string // account; "": that of the credentials
	// Keys; "": what the machine has for AWS.
	AccessKeyID, SecretAccessKey, SessionToken string
}

// glueAttempts is how often a request is sent that is refused because there are
// too many, or fails in a way that passes.
const glueAttempts = 6

// glueTimeout is how long one answer may take.
const glueTimeout = time.Minute

// glueCatalog is the Data Catalog of AWS Glue. A database of it is the namespace.
type glueCatalog struct {
	*Catalog
	client *glue.Client
	id     *string // of the catalog; nil: the account's own
	at     string
}

func openGlue(ctx context.Context, base *Catalog, o Options) (pointers, error) {
	load := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // what matters comes back as an error
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = glueAttempts })
		}),
	}
	if o.Glue.Region != "" {
		load = append(load, config.WithRegion(o.Glue.Region))
	}
	if o.Glue.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Glue.Profile))
	}
	if o.Glue.AccessKeyID != "" {
		load = append(load, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.Glue.AccessKeyID, o.Glue.SecretAccessKey, o.Glue.SessionToken)))
	}
	load = append(load, config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(glueTimeout)))
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("open catalog of AWS Glue: %w: %w", ErrOptions, err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("%w: AWS Glue: no region is known: set catalog.region, or AWS_REGION in the environment", ErrOptions)
	}
	c := &glueCatalog{Catalog: base, at: "AWS Glue in " + cfg.Region}
	if o.URI != "" {
		c.at = o.URI
	}
	if o.Glue.CatalogID != "" {
		c.id = &o.Glue.CatalogID
	}
	c.client = glue.NewFromConfig(cfg, func(g *glue.Options) {
		if o.URI != "" {
			g.BaseEndpoint = &o.URI
		}
	})
	return c, nil
}

func (c *glueCatalog) place() string   { return c.at }
func (c *glueCatalog) account() string { return aws.ToString(c.id) }
func (c *glueCatalog) close() error    { return nil }

func (c *glueCatalog) prepare(ctx context.Context, readOnly bool) error {
	_, err := c.client.GetDatabase(ctx, &glue.GetDatabaseInput{CatalogId: c.id, Name: &c.namespace})
	var none *types.EntityNotFoundException
	if !errors.As(err, &none) {
		return err
	}
	if readOnly {
		return ErrNoCatalog
	}
	_, err = c.client.CreateDatabase(ctx, &glue.CreateDatabaseInput{CatalogId: c.id, DatabaseInput: &types.DatabaseInput{
		Name: &c.namespace, Description: aws.String("Tables of a Notion workspace, made by notionlake"),
	}})
	var exists *types.AlreadyExistsException
	if errors.As(err, &exists) {
		return nil // another program made it since
	}
	return err
}

func (c *glueCatalog) list(ctx context.Context) (list []pointer, err error) {
	pages := glue.NewGetTablesPaginator(c.client, &glue.GetTablesInput{CatalogId: c.id, DatabaseName: &c.namespace})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range page.TableList {
			list = append(list, gluePointer(&t))
		}
	}
	return list, nil
}

func gluePointer(t *types.Table) pointer {
	return pointerOf(aws.ToString(t.Name), aws.ToString(t.TableType), t.Parameters, t)
}

func (c *glueCatalog) get(ctx context.Context, name string) (pointer, error) {
	out, err := c.client.GetTable(ctx, &glue.GetTableInput{CatalogId: c.id, DatabaseName: &c.namespace, Name: &name})
	if err != nil {
		return pointer{}, glueError(err)
	}
	return gluePointer(out.Table), nil
}

func (c *glueCatalog) create(ctx context.Context, name, location string, meta table.Metadata) error {
	_, err := c.client.CreateTable(ctx, &glue.CreateTableInput{
		CatalogId: c.id, DatabaseName: &c.namespace, TableInput: glueTable(nil, name, location, "", meta),
	})
	return glueError(err)
}

// move looks first: a table that is made anew under a name that another one had
// begins with the same version.
func (c *glueCatalog) move(ctx context.Context, from pointer, location string, meta table.Metadata) error {
	now, err := c.get(ctx, from.name)
	if err != nil {
		return err
	}
	if now.location != from.location {
		return errMoved
	}
	t, err := glueTableOf(now)
	if err != nil {
		return err
	}
	if aws.ToString(t.VersionId) == "" {
		return fmt.Errorf("table %s: the service tells no version of it, without which two programs could write at once", from.name)
	}
	_, err = c.client.UpdateTable(ctx, &glue.UpdateTableInput{
		CatalogId: c.id, DatabaseName: &c.namespace, TableInput: glueTable(t, from.name, location, from.location, meta),
		// The service refuses it where the table is of another version by now. It
		// keeps old versions otherwise, up to a limit that it then refuses at.
		VersionId: t.VersionId, SkipArchive: aws.Bool(true),
	})
	return glueError(err)
}

// rename makes a table of the new name, which says what the old one is, and takes
// that out: the service changes no names. Whoever dies in between leaves both.
func (c *glueCatalog) rename(ctx context.Context, from pointer, to string, meta table.Metadata) error {
	t, err := glueTableOf(from)
	if err != nil {
		return err
	}
	in := glueTable(t, to, from.location, from.previous, meta)
	in.Parameters[formerlyParameter] = from.name
	_, err = c.client.CreateTable(ctx, &glue.CreateTableInput{CatalogId: c.id, DatabaseName: &c.namespace, TableInput: in})
	err = glueError(err)
	made := err == nil
	if errors.Is(err, errTaken) {
		there, e := c.get(ctx, to)
		if e != nil {
			return e
		}
		if there.location != from.location {
			return err
		}
		// The creation has been done, and the answer lost, or another process did it.
		err = nil
	}
	if err != nil {
		return err
	}
	if err := c.point.Hit("catalog.rename.half", from.name); err != nil {
		return err
	}
	err = c.drop(ctx, from)
	if !errors.Is(err, errMoved) || !made {
		return err
	}
	// The table may have gone on under its old name; or that is another table's by
	// now, and this one must keep the only name that it has.
	if now, e := c.get(ctx, from.name); e != nil || now.meta() != from.meta() {
		return errors.Join(err, e)
	}
	return errors.Join(err, c.drop(ctx, pointer{name: to, location: from.location}))
}

// meta is the folder of the metadata files that a pointer leads to.
func (p pointer) meta() string { return path.Dir(p.location) }

// drop looks before it deletes: the service cannot be told to delete one version
// only. What another program writes in this moment is lost with the table.
func (c *glueCatalog) drop(ctx context.Context, from pointer) error {
	now, err := c.get(ctx, from.name)
	if err != nil {
		return err
	}
	if now.location != from.location {
		return errMoved
	}
	_, err = c.client.DeleteTable(ctx, &glue.DeleteTableInput{CatalogId: c.id, DatabaseName: &c.namespace, Name: &from.name})
	return glueError(err)
}

func glueTableOf(p pointer) (*types.Table, error) {
	t, ok := p.version.(*types.Table)
	if !ok {
		return nil, fmt.Errorf("table %s was not read from AWS Glue", p.name)
	}
	return t, nil
}

// glueTable is what the service is to have of a table; what other programs have
// set of the one before stays.
func glueTable(before *types.Table, name, location, previous string, meta table.Metadata) *types.TableInput {
	in := &types.TableInput{Name: &name, TableType: aws.String(externalTableType), Parameters: map[string]string{}}
	if before != nil {
		maps.Copy(in.Parameters, before.Parameters)
		in.Description, in.Owner, in.Retention = before.Description, before.Owner, before.Retention
		in.TargetTable, in.LastAccessTime, in.LastAnalyzedTime = before.TargetTable, before.LastAccessTime, before.LastAnalyzedTime
	}
	in.Parameters[tableTypeParameter], in.Parameters[locationParameter] = icebergTableType, location
	delete(in.Parameters, previousParameter)
	delete(in.Parameters, formerlyParameter)
	if previous != "" {
		in.Parameters[previousParameter] = previous
	}
	in.StorageDescriptor = &types.StorageDescriptor{Location: aws.String(meta.Location())}
	for _, col := range hiveColumns(meta.CurrentSchema()) {
		in.StorageDescriptor.Columns = append(in.StorageDescriptor.Columns, types.Column{Name: &col.name, Type: &col.kind, Comment: &col.comment})
	}
	return in
}

// glueError says what an error of the service means here.
func glueError(err error) error {
	var none *types.EntityNotFoundException
	var exists *types.AlreadyExistsException
	var changed *types.ConcurrentModificationException
	switch {
	case errors.As(err, &none):
		return fmt.Errorf("%w: %w", errNoTable, err)
	case errors.As(err, &exists):
		return fmt.Errorf("%w: %w", errTaken, err)
	case errors.As(err, &changed):
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	var api smithy.APIError
	if errors.As(err, &api) && slices.Contains(glueRefusals, api.ErrorCode()) {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// glueRefusals are the errors that are the same however often one asks.
var glueRefusals = []string{
	"InvalidInputException", "ValidationException", "AccessDeniedException", "ResourceNumberLimitExceededException", "GlueEncryptionException",
}

// fault says what an error of the service means and what to do.
func (c *glueCatalog) fault(action string, err error) error {
	var api smithy.APIError
	var dns *net.DNSError
	var dial *net.OpError
	why := ""
	switch {
	case errors.As(err, &api):
		switch api.ErrorCode() {
		case "AccessDeniedException":
			why = "the credentials do not allow it: grant glue:GetDatabase, CreateDatabase, GetTable, GetTables, CreateTable, UpdateTable and DeleteTable for the catalog, the database and its tables"
		case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidClientTokenId":
			why = "the credentials are not valid (any more); look at the AWS credentials of this machine"
		}
	case errors.As(err, &dns), errors.As(err, &dial):
		why = "it cannot be reached; look at catalog.region and catalog.uri"
	}
	if why != "" {
		return fmt.Errorf("%s catalog %s: %s: %w", action, c.place(), why, err)
	}
	return fmt.Errorf("%s catalog %s: %w", action, c.place(), err)
}
