import { dlopen, FFIType, ptr } from "bun:ffi";

const af_unix = 1;
const sock_dgram = 2;
const sock_cloexec = 0o2000000;

/** Reports the service's state to systemd (sd_notify(3)). Does nothing without systemd. libc is called because Bun has no unix datagram sockets. */
export function createNotifier(address: string | undefined): (state: string) => void {
  if (!address) return () => undefined;
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
  });
  const descriptor = libc.socket(af_unix, sock_dgram | sock_cloexec, 0);
  const target = socketAddress(address);
  return (state) => {
    const message = Buffer.from(state);
    libc.sendto(descriptor, ptr(message), message.length, 0, ptr(target), target.length);
  };
}

/** struct sockaddr_un; a leading `@` means the abstract namespace, whose names begin with a zero byte. */
function socketAddress(address: string): Buffer {
  const path = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
  const header = Buffer.alloc(2);
  header.writeUInt16LE(af_unix);
  return Buffer.concat([header, path]);
}
