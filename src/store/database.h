#pragma once
// SQLite without surprises: closed by itself, every result checked, errors of the project's one family. Files
// are not trusted: a database of another make, a damaged one or one with triggers and views of its own is
// refused.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace moesim {

class Database;

// A prepared statement; parameters and columns count from 1 and from 0, as in SQLite.
class Statement {
 public:
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int place, std::int64_t value);
  Statement& bind(int place, double value);  // not-a-number and infinity: NULL
  Statement& bind(int place, std::string_view value);
  Statement& bind_null(int place);

  bool step();  // true: a row is there
  void run();   // to the end, then ready for other values

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, const Database& database);

  sqlite3_stmt* statement_;
  const Database* database_;
};

class Database {
 public:
  enum class Access { read, write };

  // Write creates the file. Throws Error(missing_input, cannot_create, bad_data).
  Database(const std::string& path, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void execute(const std::string& sql);
  Statement prepare(const std::string& sql) const;

  const std::string& path() const { return path_; }
  // Turns SQLite's last error into ours: full disk and broken device write_failed, damage bad_data, a lock
  // busy.
  [[noreturn]] void fail(int code) const;

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

// All or nothing: rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace moesim
