/** A JSON-RPC error as the caller sees it. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}
