/** True for a file that can change a bundle: not tests, not what a build writes itself, not an editor's own files. */
export function isSource(path: string): boolean {
  if (/(^|\/)(generated|node_modules|dist)\//.test(path)) return false;
  if (/\.(spec|int-spec)\.ts$/.test(path)) return false;
  return /\.(ts|mts|js|mjs|json|lua|proto|sql|prisma|html|css)$/.test(path);
}
