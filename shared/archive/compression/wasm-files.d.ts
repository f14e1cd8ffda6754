/** A WebAssembly file that is part of the executable: its path there. */
declare module "*.wasm" {
  const path: string;
  export default path;
}
