/** A submission as it came through the platform's door: who sent it is verified. */
export interface Upload {
  readonly hotkey: string;
  /** Null where the platform does not know it: a hotkey on the operator's allowlist. */
  readonly uid: number | null;
  readonly filename: string;
  readonly content_type: string;
  readonly body: Uint8Array;
}
