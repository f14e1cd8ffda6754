import { dlopen, FFIType, ptr } from "bun:ffi";

const af_unix = 1;
const sock_dgram_nonblock = 0o4002;
const message_bytes_max = 4_096;

export interface NotifySocket extends Disposable {
  /** What came since the last call, one message an element. */
  received(): string[];
}

/** Listens as systemd does for sd_notify(3), at a path or, with a leading `@`, in the abstract namespace. */
export function listenAsSystemd(address: string): NotifySocket {
  const { i32, u32, u64, i64, ptr: pointer } = FFIType;
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, pointer, u32], returns: i32 },
    recv: { args: [i32, pointer, u64, i32], returns: i64 },
    close: { args: [i32], returns: i32 },
  });
  const descriptor = libc.socket(af_unix, sock_dgram_nonblock, 0);
  const name = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
  const target = Buffer.concat([Buffer.from([af_unix, 0]), name]);
  if (libc.bind(descriptor, ptr(target), target.length) !== 0) throw new Error(`cannot bind ${address}`);
  const buffer = Buffer.alloc(message_bytes_max);
  return {
    received() {
      const messages: string[] = [];
      for (;;) {
        const length = Number(libc.recv(descriptor, ptr(buffer), buffer.length, 0));
        if (length < 0) return messages;
        messages.push(buffer.toString("utf8", 0, length));
      }
    },
    [Symbol.dispose]: () => void libc.close(descriptor),
  };
}
