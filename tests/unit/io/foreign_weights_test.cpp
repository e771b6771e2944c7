// Weights of other formats are named, never read, and converted by what the help line says.
#include "io/foreign_weights.h"

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "io/safetensors_header.h"
#include "safetensors_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;

const std::string kTorch =
    "a pickle can run code when it is opened, so it is never read; convert it: python3 -c 'import sys, "
    "torch; from "
    "safetensors.torch import save_file; save_file({k: v.contiguous().clone() for k, v in "
    "torch.load(sys.argv[1], "
    "map_location=\"cpu\", weights_only=True).items()}, sys.argv[2])' ";

std::string zip_with(const std::string& first_name) {
  return "PK\x03\x04\x14\0\0\0"s + std::string(18, '\0') + static_cast<char>(first_name.size()) + "\0\0\0"s +
         first_name + "data";
}

using ForeignWeights = TemporaryFolder;

TEST_F(ForeignWeights, AreNamedByTheirFirstBytes) {
  struct Row {
    std::string name;
    std::string bytes;
    std::string what;
    std::string help;
    std::string becomes = "m.safetensors";
  };
  const std::vector<Row> rows = {
      {"m.bin", "\x80\x02}q\0", "a Python pickle", kTorch},
      {"m.bin", "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", "a Python pickle", kTorch},
      {"m.pkl", "\x80\x03}q\0.", "a Python pickle", kTorch},
      {"m.pt", "\x80\x04\x95", "a Python pickle", kTorch},
      {"m.pt", "\x80\x05\x95 and so on", "a Python pickle", kTorch},
      {"m.pt", zip_with("archive/data.pkl"), "a zip archive with a pickle, as torch.save writes it", kTorch},
      {"m.pt", "PK\x03\x04", "a zip archive with a pickle, as torch.save writes it", kTorch},
      {"m.zip", "PK\x05\x06" + std::string(18, '\0'), "an empty zip archive", kTorch},
      {"m.npz", zip_with("weight.npy"), "a zip archive of NumPy arrays, as numpy.savez writes it",
       "convert it: python3 -c 'import sys, numpy; from safetensors.numpy import save_file; "
       "save_file(dict(numpy.load(sys.argv[1], allow_pickle=False)), sys.argv[2])' "},
      {"m.npy", "\x93NUMPY\x01\0v\0", "a NumPy array",
       "convert it: python3 -c 'import sys, numpy; from safetensors.numpy import save_file; "
       "save_file({\"array\": numpy.load(sys.argv[1], allow_pickle=False)}, sys.argv[2])' "},
      {"m.gguf", "GGUF\x03\0\0\0\0\0"s, "a GGUF file",
       "take the model's own safetensors files, or convert it: python3 -c 'import os, sys; from transformers "
       "import "
       "AutoModelForCausalLM as M; d, f = os.path.split(sys.argv[1]); M.from_pretrained(d or \".\", "
       "gguf_file=f).save_pretrained(sys.argv[2])' ",
       "m-safetensors"},
      {"m.h5", "\x89HDF\r\n\x1a\n\0", "an HDF5 file",
       "convert it: python3 -c 'import sys, h5py; from safetensors.numpy import save_file; d = {}; "
       "h5py.File(sys.argv[1]).visititems(lambda n, v: d.update({n: v[()]}) if isinstance(v, h5py.Dataset) "
       "else "
       "None); save_file(d, sys.argv[2])' "},
  };
  for (const Row& row : rows) {
    const std::string path = put(row.name, row.bytes);
    const Refusal refusal = refusal_of([&] { TensorFolder{path}; });
    EXPECT_EQ(refusal.message, path + ": error: byte 0: this is " + row.what +
                                   "; expected a .safetensors file [safetensors-unsupported]");
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
    EXPECT_EQ(refusal.help, row.help + path + " " + in_folder(row.becomes));
  }
}

TEST_F(ForeignWeights, SayHowToUnpackAndFetch) {
  const auto refusal = [&](const std::string& bytes) {
    return refusal_of([&] { TensorFolder{put("m.safetensors", bytes)}; });
  };
  EXPECT_EQ(
      refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n").message,
      in_folder("m.safetensors") +
          ": error: byte 0: this is a Git LFS pointer, not the file itself; expected a .safetensors file "
          "[safetensors-unsupported]");
  EXPECT_EQ(refusal("version https://git-lfs.github.com/spec/v1\n").help,
            "type git lfs pull in the model's folder");
  EXPECT_EQ(refusal("\x1f\x8b\x08\0\0\0\0\0\0").help, "unpack it first");
  EXPECT_EQ(refusal("\x28\xb5\x2f\xfd and so on").help, "unpack it first");
}

// A header may be as long as a signature reads as a number.
TEST_F(ForeignWeights, AreNotSeenInAnHonestHeader) {
  for (const std::string& signature : {"\x80\x02"s, "\x80\x05"s, "\x1f\x8b"s}) {
    std::string bytes = signature;
    bytes.resize(8, '\0');
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) {
      length = length << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    }
    std::string header = "{}";
    header.resize(length, ' ');
    EXPECT_TRUE(TensorFolder(put("m.safetensors", bytes + header)).tensors().empty());
  }
}

TEST_F(ForeignWeights, HelpWhereAFolderHasNothingElse) {
  const auto refusal = [&] { return refusal_of([&] { TensorFolder{folder_}; }); };
  const std::string message =
      folder_ + ": error: no file *.safetensors is there; expected a folder with weights [file-missing]";
  EXPECT_EQ(refusal().message, message);
  EXPECT_EQ(refusal().kind, ErrorKind::missing_input);
  EXPECT_EQ(refusal().help, "name a folder with .safetensors files");
  put("it's.gguf", "GGUF");
  EXPECT_NE(refusal().help.find("GGUF"), 0u);
  EXPECT_NE(refusal().help.find("it'\\''s.gguf' '" + folder_ + "/it'\\''s-safetensors'"), std::string::npos)
      << refusal().help;
  put("pytorch_model.bin", "\x80\x02");
  EXPECT_EQ(refusal().message, message);
  EXPECT_EQ(refusal().help,
            kTorch + in_folder("pytorch_model.bin") + " " + in_folder("pytorch_model.safetensors"));
}

TEST_F(ForeignWeights, AreConvertedBesideThemselvesWhateverTheirNames) {
  EXPECT_EQ(help_for_weights_named("a.b/model.bin"), kTorch + "a.b/model.bin a.b/model.safetensors");
  EXPECT_EQ(help_for_weights_named("a.b/.bin"), kTorch + "a.b/.bin a.b/.bin.safetensors");
  EXPECT_EQ(help_for_weights_named("x\x1b[2J.pt"), kTorch + "'x\\x1b[2J.pt' 'x\\x1b[2J.safetensors'");
  EXPECT_EQ(help_for_weights_named("config.json"), "");
}

}  // namespace
}  // namespace moesim
