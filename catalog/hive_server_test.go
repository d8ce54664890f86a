package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	hms "github.com/beltran/gohive/hive_metastore"
	"github.com/google/uuid"
)

// A hiveServer is a metastore in memory that compares what a change expects, as
// those since 4.0 do. What is not here is nil: a call of it breaks the connection.
type hiveServer struct {
	hms.ThriftHiveMetastore

	mu     sync.Mutex
	tables map[string]*hms.Table // by database and name
	spaces map[string]bool
	locks  map[string]int64 // who has the lock of a table
	waits  map[int64]string // who waits for which
	last   int64
}

func newHiveServer(t *testing.T) string {
	t.Helper()
	s := &hiveServer{tables: map[string]*hms.Table{}, spaces: map[string]bool{}, locks: map[string]int64{}, waits: map[int64]string{}}
	socket, err := thrift.NewTServerSocket("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := socket.Listen(); err != nil {
		t.Fatal(err)
	}
	server := thrift.NewTSimpleServer4(hms.NewThriftHiveMetastoreProcessor(s), socket,
		thrift.NewTBufferedTransportFactory(1<<16), thrift.NewTBinaryProtocolFactoryConf(nil))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve() // until it is stopped
	}()
	t.Cleanup(func() {
		_ = server.Stop()
		<-served
	})
	return "thrift://" + socket.Addr().String()
}

func (s *hiveServer) SetUgi(context.Context, string, []string) ([]string, error) { return nil, nil }

func (s *hiveServer) GetDatabase(_ context.Context, name string) (*hms.Database, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.spaces[name] {
		return nil, &hms.NoSuchObjectException{Message: name}
	}
	return &hms.Database{Name: name, Parameters: map[string]string{}}, nil
}

func (s *hiveServer) CreateDatabase(_ context.Context, d *hms.Database) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spaces[d.Name] {
		return &hms.AlreadyExistsException{Message: d.Name}
	}
	s.spaces[d.Name] = true
	return nil
}

func (s *hiveServer) GetAllTables(_ context.Context, database string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for key := range s.tables {
		if name, ok := strings.CutPrefix(key, database+"\x00"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (s *hiveServer) GetTableObjectsByNameReq(_ context.Context, in *hms.GetTablesRequest) (*hms.GetTablesResult_, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &hms.GetTablesResult_{Tables: []*hms.Table{}}
	for _, name := range in.TblNames {
		if t := s.tables[in.DbName+"\x00"+name]; t != nil {
			out.Tables = append(out.Tables, t)
		}
	}
	return out, nil
}

func (s *hiveServer) GetTableReq(_ context.Context, in *hms.GetTableRequest) (*hms.GetTableResult_, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[in.DbName+"\x00"+in.TblName]
	if t == nil {
		return nil, &hms.NoSuchObjectException{Message: in.TblName}
	}
	return &hms.GetTableResult_{Table: t}, nil
}

func (s *hiveServer) CreateTable(_ context.Context, t *hms.Table) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := t.DbName + "\x00" + t.TableName
	if s.tables[key] != nil {
		return &hms.AlreadyExistsException{Message: t.TableName}
	}
	s.tables[key] = t
	return nil
}

func (s *hiveServer) AlterTableWithEnvironmentContext(_ context.Context, database, name string, t *hms.Table, e *hms.EnvironmentContext) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, to := database+"\x00"+name, t.DbName+"\x00"+t.TableName
	now := s.tables[key]
	if now == nil {
		return &hms.InvalidOperationException{Message: "no such table: " + name}
	}
	if parameter := e.Properties["expected_parameter_key"]; parameter != "" && now.Parameters[parameter] != e.Properties["expected_parameter_value"] {
		return &hms.MetaException{Message: "The table has been modified. The parameter value for key '" + parameter + "' is '" + now.Parameters[parameter] + "'"}
	}
	if to != key && s.tables[to] != nil {
		return &hms.InvalidOperationException{Message: "new table " + t.TableName + " already exists"}
	}
	for i, col := range t.Sd.Cols {
		if i < len(now.Sd.Cols) && now.Sd.Cols[i].Type != col.Type {
			return &hms.InvalidOperationException{Message: "The following columns have types incompatible with the existing columns in their respective positions : " + col.Name}
		}
	}
	delete(s.tables, key)
	s.tables[to] = t
	return nil
}

func (s *hiveServer) DropTable(_ context.Context, database, name string, _ bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := database + "\x00" + name
	if s.tables[key] == nil {
		return &hms.NoSuchObjectException{Message: name}
	}
	delete(s.tables, key)
	return nil
}

func (s *hiveServer) Lock(_ context.Context, in *hms.LockRequest) (*hms.LockResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.waits[s.last] = in.Component[0].Dbname + "\x00" + in.Component[0].GetTablename()
	return s.take(s.last), nil
}

func (s *hiveServer) CheckLock(_ context.Context, in *hms.CheckLockRequest) (*hms.LockResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take(in.Lockid), nil
}

func (s *hiveServer) take(id int64) *hms.LockResponse {
	key := s.waits[id]
	if s.locks[key] == 0 {
		s.locks[key] = id
	}
	if s.locks[key] != id {
		return &hms.LockResponse{Lockid: id, State: hms.LockState_WAITING}
	}
	return &hms.LockResponse{Lockid: id, State: hms.LockState_ACQUIRED}
}

func (s *hiveServer) Unlock(_ context.Context, in *hms.UnlockRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.waits[in.Lockid]; s.locks[key] == in.Lockid {
		delete(s.locks, key)
	}
	delete(s.waits, in.Lockid)
	return nil
}

// touchHive sets a property of a table past the program, with its own metadata file.
func (w *warehouse) touchHive(name string) {
	w.t.Helper()
	ctx := w.t.Context()
	transport := thrift.NewTBufferedTransport(thrift.NewTSocketConf(strings.TrimPrefix(w.options.URI, "thrift://"), nil), 1<<16)
	if err := transport.Open(); err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = transport.Close() }()
	client := hms.NewThriftHiveMetastoreClientFactory(transport, thrift.NewTBinaryProtocolFactoryConf(nil))
	for {
		out, err := client.GetTableReq(ctx, &hms.GetTableRequest{DbName: w.options.Namespace, TblName: name})
		if err != nil {
			w.t.Fatal(err)
		}
		t := out.Table
		from := t.Parameters["metadata_location"]
		doc := map[string]any{}
		if err := json.Unmarshal(w.file(from), &doc); err != nil {
			w.t.Fatal(err)
		}
		properties, _ := doc["properties"].(map[string]any)
		properties["touched"] = uuid.NewString()
		log, _ := doc["metadata-log"].([]any)
		doc["metadata-log"] = append(log, map[string]any{"metadata-file": from, "timestamp-ms": doc["last-updated-ms"]})
		data, err := json.Marshal(doc)
		if err != nil {
			w.t.Fatal(err)
		}
		key, _ := w.storage.Key(from)
		key = fmt.Sprintf("%s/99999-%s.metadata.json", path.Dir(key), uuid.NewString())
		if err := w.storage.WriteAll(ctx, key, data); err != nil {
			w.t.Fatal(err)
		}
		t.Parameters["metadata_location"] = w.storage.URI(key)
		err = client.AlterTableWithEnvironmentContext(ctx, w.options.Namespace, name, t, &hms.EnvironmentContext{Properties: map[string]string{
			"expected_parameter_key": "metadata_location", "expected_parameter_value": from,
		}})
		if err == nil {
			return
		}
		var changed *hms.MetaException
		if !errors.As(err, &changed) {
			w.t.Fatal(err)
		}
	}
}
