import type { Socket } from "node:net";
import { limits } from "#shared/schemas/limits.ts";

/**
 * Ends our side of a connection. What the client still sends is dropped, within a bound: a connection that is closed at once loses
 * the last answer. The caller closes it when the client does not.
 */
export function endOurSide(socket: Socket): void {
  let dropped_bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    dropped_bytes += chunk.length;
    if (dropped_bytes > limits.proxy.linger_bytes_max) socket.pause();
  });
  socket.end();
  socket.resume();
}
