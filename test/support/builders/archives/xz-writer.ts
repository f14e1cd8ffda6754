import { easyBufferEncode, initModule } from "node-liblzma/wasm";
import createModule from "node-liblzma/wasm/liblzma.js";
import wasmFile from "node-liblzma/wasm/liblzma.wasm" with { type: "file" };

await initModule(async () => await createModule({ wasmBinary: await Bun.file(wasmFile).bytes() }));

/** An xz stream, made by liblzma itself. */
export const xzOf = (content: Uint8Array): Buffer => Buffer.from(easyBufferEncode(content, 0));
