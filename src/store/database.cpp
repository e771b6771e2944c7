#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr int kMostBytesOfAValue = 64 << 20;

// What is read may be anybody's file.
void distrust(sqlite3* handle) {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMostBytesOfAValue);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

ErrorKind kind_of_code(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return ErrorKind::write_failed;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return ErrorKind::cannot_create;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::busy;
    case SQLITE_NOMEM:
      return ErrorKind::out_of_memory;
    case SQLITE_MISUSE:
      return ErrorKind::internal;
    default:
      return ErrorKind::bad_data;
  }
}

struct Words {
  const char* expected;
  const char* short_name;
  const char* help;
};

Words words_for(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::write_failed:
      return {"a disk with room that keeps what it was given", "write-failed",
              "free some space and give the same command again: finished points are kept"};
    case ErrorKind::cannot_create:
      return {"a folder that can be written", "cannot-create", "set MOESIM_RUNS_DIR to a folder of yours"};
    case ErrorKind::busy:
      return {"a database nobody else is writing to", "run-busy", "wait until the other process has ended"};
    case ErrorKind::out_of_memory:
      return {"memory", "out-of-memory", ""};
    default:
      return {"a database as moesim writes it", "bad-record", ""};
  }
}

}  // namespace

Statement::Statement(sqlite3_stmt* statement, const Database& database)
    : statement_(statement), database_(&database) {}

Statement::Statement(Statement&& other) noexcept : statement_(other.statement_), database_(other.database_) {
  other.statement_ = nullptr;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int place, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, place, value); code != SQLITE_OK) {
    database_->fail(code);
  }
  return *this;
}

Statement& Statement::bind(int place, double value) {
  if (!std::isfinite(value)) {
    return bind_null(place);
  }
  if (const int code = sqlite3_bind_double(statement_, place, value); code != SQLITE_OK) {
    database_->fail(code);
  }
  return *this;
}

Statement& Statement::bind(int place, std::string_view value) {
  const int code =
      sqlite3_bind_text64(statement_, place, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) {
    database_->fail(code);
  }
  return *this;
}

Statement& Statement::bind_null(int place) {
  if (const int code = sqlite3_bind_null(statement_, place); code != SQLITE_OK) {
    database_->fail(code);
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    database_->fail(code);
  }
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes == nullptr
             ? std::string()
             : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Database::Database(const std::string& path, Access access) : path_(path) {
  std::error_code unknown;
  if (access == Access::read && !std::filesystem::is_regular_file(path, unknown)) {
    throw Error(ErrorKind::missing_input,
                fmt::format("{}: error: there is no such file; expected the results of a run [file-missing]",
                            display_safe(path)));
  }
  // A reader may find a journal that a killed writer left, and must be able to roll it back; where the folder
  // cannot be written nobody was writing either.
  const int flags =
      access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
  const std::string file = path.rfind("file:", 0) == 0 ? "./" + path : path;  // SQLite would read a URI
  int code = sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr);
  if (code != SQLITE_OK && access == Access::read) {
    sqlite3_close(handle_);
    handle_ = nullptr;
    code = sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READONLY, nullptr);
  }
  try {
    if (code != SQLITE_OK) {
      fail(code);
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, 2000);
    distrust(handle_);
    execute("PRAGMA cell_size_check = ON");
    if (access == Access::write) {
      execute("PRAGMA journal_mode = DELETE");  // write-ahead logs do not work on network file systems
      execute("PRAGMA synchronous = FULL");
    }
  } catch (...) {
    sqlite3_close(handle_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close(handle_);
}

void Database::execute(const std::string& sql) {
  if (const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr); code != SQLITE_OK) {
    fail(code);
  }
}

Statement Database::prepare(const std::string& sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(handle_, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) {
    fail(code);
  }
  return {statement, *this};
}

void Database::fail(int code) const {
  const ErrorKind kind = kind_of_code(code);
  const Words words = words_for(kind);
  const std::string said = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  throw Error(kind,
              fmt::format("{}: error: {}; expected {} [{}]", display_safe(path_), display_safe(said),
                          words.expected, words.short_name),
              words.help);
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (open_) {
    try {
      database_.execute("ROLLBACK");
    } catch (const Error&) {  // a failed write has rolled back already
    }
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace moesim
