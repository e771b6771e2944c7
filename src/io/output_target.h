#pragma once
// Where the new contents of a path go: a temporary file in the same folder that takes the path's place at
// commit() (fsync, rename, fsync of the folder: rename(2); "Files are hard", LWN 2015), or the thing itself
// where it is no regular file: pipes, terminals and devices keep their identity.

#include <sys/types.h>

#include <string>

#include "io/descriptor.h"

namespace moesim {

class OutputTarget {
 public:
  explicit OutputTarget(const std::string& path);  // throws Error(cannot_create)
  ~OutputTarget();                                 // without commit() a regular file is what it was
  OutputTarget(const OutputTarget&) = delete;
  OutputTarget& operator=(const OutputTarget&) = delete;

  int descriptor() const { return descriptor_.get(); }
  void commit();  // sync, close, take the path's place; throws Error(write_failed)

 private:
  void open_in_place(Descriptor opened);
  void open_beside(mode_t mode, bool exists);
  int finish();

  std::string path_;
  std::string file_;       // behind symbolic links
  std::string temporary_;  // empty: written in place, or nothing left to remove
  Descriptor descriptor_;
};

}  // namespace moesim
