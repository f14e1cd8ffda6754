import type { Json } from "./json.ts";

export interface Score {
  /** Finite and not negative; more is better. */
  readonly score: number;
  /** Shown to everybody with the submission. */
  readonly details: { readonly [key: string]: Json };
}

export interface HotkeyScore {
  readonly hotkey: string;
  readonly submission_id: string;
  readonly score: number;
}
