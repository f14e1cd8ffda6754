declare module "*.css" {
  const path: string;
  export default path;
}
declare module "*.js.txt" {
  const text: string;
  export default text;
}
declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  const path: string;
  export default path;
}
