// What: the JavaScript face of the addon. Why: the only file that includes <napi.h>, so that all else is plain C++.
// Who: src/datapath/port/native-addon.ts declares these calls and is their only user. Arguments come checked from
// TypeScript; every call answers a number or -errno, and TypeScript words the error.

#include <napi.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include <cerrno>

#include "io.h"

namespace {

using tsswitch::FrameBatch;
using tsswitch::Io;
using tsswitch::Link;

int32_t Int(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::Number>().Int32Value(); }

Napi::Object ToObject(Napi::Env env, const Link& link) {
  Napi::Object o = Napi::Object::New(env);
  o.Set("deleted", link.deleted);
  o.Set("ifindex", link.ifindex);
  o.Set("flags", link.flags);
  o.Set("mtu", link.mtu);
  o.Set("name", link.name);
  o.Set("address", link.address);
  o.Set("tap", link.tap);
  o.Set("txDropped", static_cast<double>(link.tx_dropped));
  return o;
}

Napi::Value LinkOrError(Napi::Env env, const Link& link, int error) {
  if (error != 0) return Napi::Number::New(env, -error);
  return ToObject(env, link);
}

// new Io(offset, length, offload, errnos, ready: Int32Array, arenaLength: number)
class IoWrap : public Napi::ObjectWrap<IoWrap> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Io",
                       {
                           InstanceAccessor<&IoWrap::Arena>("arena"),
                           InstanceAccessor<&IoWrap::WakeFd>("wakeFd"),
                           InstanceMethod<&IoWrap::OpenTap>("openTap"),
                           InstanceMethod<&IoWrap::OpenPacket>("openPacket"),
                           InstanceMethod<&IoWrap::ClosePort>("closePort"),
                           InstanceMethod<&IoWrap::Alive>("alive"),
                           InstanceMethod<&IoWrap::TapLink>("tapLink"),
                           InstanceMethod<&IoWrap::TakeKernelDrops>("takeKernelDrops"),
                           InstanceMethod<&IoWrap::Wait>("wait"),
                           InstanceMethod<&IoWrap::Receive>("receive"),
                           InstanceMethod<&IoWrap::Send>("send"),
                           InstanceMethod<&IoWrap::LinkEvents>("linkEvents"),
                           InstanceMethod<&IoWrap::Close>("close"),
                       });
  }

  explicit IoWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<IoWrap>(info) {
    const size_t length = info[5].As<Napi::Number>().Int64Value();
    void* memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      Napi::Error::New(info.Env(), "out of memory for frames").ThrowAsJavaScriptException();
      return;
    }
    FrameBatch batch{};
    batch.arena = static_cast<uint8_t*>(memory);
    batch.offset = Column(info[0]);
    batch.length = Column(info[1]);
    batch.offload = Column(info[2]);
    batch.errnos = Column(info[3]);
    ready_ = Column(info[4]);
    ready_length_ = static_cast<int>(info[4].As<Napi::Int32Array>().ElementLength());
    // The arena lives as long as any JavaScript view of it.
    const auto arena =
        Napi::ArrayBuffer::New(info.Env(), memory, length, [length](Napi::Env, void* p) { munmap(p, length); });
    arena_ = Napi::Persistent(arena);
    io_ = std::make_unique<Io>(batch);
    const int error = io_->Open();
    if (error != 0) {
      Napi::Error::New(info.Env(), "cannot make the wait descriptors").ThrowAsJavaScriptException();
    }
  }

 private:
  // The column's memory, kept alive by a reference.
  int32_t* Column(const Napi::Value& value) {
    columns_.push_back(Napi::Persistent(value.As<Napi::Int32Array>()));
    return value.As<Napi::Int32Array>().Data();
  }

  Napi::Value Arena(const Napi::CallbackInfo&) { return arena_.Value(); }
  Napi::Value WakeFd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), io_->wake_fd()); }

  Napi::Value OpenTap(const Napi::CallbackInfo& info) {
    const std::string name = info[0].As<Napi::String>();
    return Napi::Number::New(info.Env(), io_->AddTap(name.c_str(), Int(info, 1)));
  }
  Napi::Value OpenPacket(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), io_->AddPacket(Int(info, 0)));
  }
  void ClosePort(const Napi::CallbackInfo& info) { io_->Remove(Int(info, 0)); }
  Napi::Value Alive(const Napi::CallbackInfo& info) {
    const auto* port = io_->Get(Int(info, 0));
    return Napi::Boolean::New(info.Env(), port != nullptr && port->Alive());
  }
  Napi::Value TapLink(const Napi::CallbackInfo& info) {
    const auto* port = io_->Get(Int(info, 0));
    Link link;
    const int error = port == nullptr ? EBADF : tsswitch::GetTapLink(port->fd(), &link);
    return LinkOrError(info.Env(), link, error);
  }
  Napi::Value TakeKernelDrops(const Napi::CallbackInfo& info) {
    auto* port = io_->Get(Int(info, 0));
    return Napi::Number::New(info.Env(), port == nullptr ? 0 : static_cast<double>(port->TakeKernelDrops()));
  }
  Napi::Value Wait(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), io_->Wait(Int(info, 0), Int(info, 1), ready_, ready_length_));
  }
  Napi::Value Receive(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), io_->Receive(Int(info, 0), Int(info, 1)));
  }
  Napi::Value Send(const Napi::CallbackInfo& info) {
    const int32_t* rows = info[1].As<Napi::Int32Array>().Data();
    return Napi::Number::New(info.Env(), io_->Send(Int(info, 0), rows, Int(info, 2)));
  }
  Napi::Value LinkEvents(const Napi::CallbackInfo& info) {
    std::vector<Link> links;
    const int error = io_->ReadLinks(&links);
    if (error != 0) return Napi::Number::New(info.Env(), -error);
    Napi::Array events = Napi::Array::New(info.Env(), links.size());
    for (size_t i = 0; i < links.size(); ++i) events.Set(i, ToObject(info.Env(), links[i]));
    return events;
  }
  void Close(const Napi::CallbackInfo&) { io_->Close(); }

  std::unique_ptr<Io> io_;
  Napi::Reference<Napi::ArrayBuffer> arena_;
  std::vector<Napi::Reference<Napi::Int32Array>> columns_;
  int32_t* ready_ = nullptr;
  int ready_length_ = 0;
};

Napi::Value GetLink(const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  Link link;
  const int error = tsswitch::GetLink(name.c_str(), &link);
  return LinkOrError(info.Env(), link, error);
}

// setLink(name, up, address: Uint8Array of 6 | null) -> 0 or -errno
Napi::Value SetLink(const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const uint8_t* address = info[2].IsNull() ? nullptr : info[2].As<Napi::Uint8Array>().Data();
  return Napi::Number::New(info.Env(), -tsswitch::SetLink(name.c_str(), info[1].As<Napi::Boolean>(), address));
}

Napi::Value Wake(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), tsswitch::Wake(Int(info, 0)));
}

// lockFile(path) -> descriptor that holds the lock until the process ends, or -errno (EWOULDBLOCK: held by another).
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Napi::Number::New(info.Env(), -errno);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    return Napi::Number::New(info.Env(), -error);
  }
  return Napi::Number::New(info.Env(), fd);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Io", IoWrap::Define(env));
  exports.Set("getLink", Napi::Function::New<GetLink>(env, "getLink"));
  exports.Set("setLink", Napi::Function::New<SetLink>(env, "setLink"));
  exports.Set("wake", Napi::Function::New<Wake>(env, "wake"));
  exports.Set("lockFile", Napi::Function::New<LockFile>(env, "lockFile"));
  return exports;
}

NODE_API_MODULE(tsswitch, Init)

}  // namespace
