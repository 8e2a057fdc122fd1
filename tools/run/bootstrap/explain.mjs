/** What a failure of npm means, in one sentence each; the first match counts. */
const CAUSES = [
  {
    pattern: /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/,
    text: 'The npm registry cannot be reached. Check the network, or name another registry: npm config set registry URL.',
  },
  { pattern: /\bENOSPC\b/, text: 'The disk is full. Free some space and run the command again.' },
  { pattern: /\b(EACCES|EPERM)\b/, text: 'npm may not write here. Check who owns the folder and ~/.npm.' },
  {
    pattern: /\b(E401|E403|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_HAS_EXPIRED)\b/,
    text: 'The npm registry refuses the request. Check the credentials and certificates that npm is configured with.',
  },
  {
    pattern: /\bE404\b/,
    text: 'The npm registry does not have one of the packages. Check which registry npm is configured with: npm config get registry.',
  },
  {
    pattern: /in sync/,
    text: 'package.json and package-lock.json do not fit together. Run: npm install && node tools/run/lock/complete-lock.mjs.',
  },
  {
    pattern: /\bEINTEGRITY\b/,
    text: 'A downloaded package is not the expected one. Run npm cache verify, then the command again.',
  },
];

/**
 * @param {string} output what npm printed
 * @returns {string}
 */
export function explainNpmFailure(output) {
  return CAUSES.find(({ pattern }) => pattern.test(output))?.text ?? 'Installing the packages failed; npm said:';
}

/**
 * @param {number} freeBytes
 * @param {boolean} firstRun nothing is installed yet
 * @returns {string | undefined} the sentence to end with, undefined when there is enough
 */
export function explainDisk(freeBytes, firstRun) {
  const needed = firstRun ? 3 * 2 ** 30 : 300 * 2 ** 20;
  if (freeBytes >= needed) return undefined;
  const mib = (/** @type {number} */ bytes) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  return `Not enough disk space: ${mib(freeBytes)} are free, ${mib(needed)} are needed${firstRun ? ' for packages and servers' : ''}.`;
}
