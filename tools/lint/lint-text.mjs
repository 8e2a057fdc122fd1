/**
 * Lints texts as if they were the content of existing files: reads [{ "file", "text"? }] from standard input, answers [["rule: message"]].
 * Without a text the file itself is linted, also where the configuration ignores it (fixtures).
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const eslint = new ESLint({ cwd: root, overrideConfigFile: join(root, 'tools/lint/eslint.config.mjs'), ignore: false });
const cases = JSON.parse(readFileSync(0, 'utf8'));
const answers = [];
for (const { file, text } of cases) {
  const filePath = join(root, file);
  const [result] = await eslint.lintText(text ?? readFileSync(filePath, 'utf8'), { filePath });
  answers.push(result.messages.map(({ ruleId, message }) => `${ruleId}: ${message}`));
}
process.stdout.write(JSON.stringify(answers));
