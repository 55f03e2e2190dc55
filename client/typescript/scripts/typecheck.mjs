// Type-checks the packed package as its consumers do: as an ES module, as CommonJS and through a bundler, with the oldest
// and the newest supported TypeScript. Each consumer has the claims of types.test.ts, the programs and the README's samples.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const folder = "node_modules/.consumers";
const COMMON = {
  strict: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  noEmit: true,
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
};
const CONSUMERS = {
  "ES modules": { type: "module", module: "nodenext" },
  "ES modules of Node 16": { type: "module", module: "node16", moduleResolution: "node16" },
  CommonJS: { type: "commonjs", module: "node16", moduleResolution: "node16" },
  "CommonJS before exports": { type: "commonjs", module: "commonjs", moduleResolution: "node10", until: 5 },
  bundlers: { type: "module", module: "esnext", moduleResolution: "bundler" },
  "bundlers of CommonJS": { type: "commonjs", module: "esnext", moduleResolution: "bundler" },
};
// The versions between them are compatible with one of the two.
const COMPILERS = ["typescript-5.4", "typescript-newest"];

/** Runs a program and ends with its output if it fails. */
function run(program, ...words) {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) {
    console.error(`${program} ${words.join(" ")} failed:\n${error ?? ""}${stdout}${stderr}`);
    process.exit(1);
  }
  return stdout;
}

/** The samples of a README in TypeScript, each of which becomes a file. */
function samples(readme) {
  return [...readFileSync(readme, "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, sample]) => sample);
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const [{ filename }] = JSON.parse(run("npm", "pack", "--silent", "--json", "--ignore-scripts", "--pack-destination", folder));
const readme = ["README.md", "../../README.md"].flatMap((file) => {
  const found = samples(file);
  if (found.length === 0) throw new Error(`${file} has no sample in TypeScript`);
  return found;
});
// The contract's samples, after a head of comments. They use `await` at the top, which only modules may.
const contract = JSON.parse(readFileSync("../../server/src/http/docs/contract.jsonc", "utf8").split("\n\n")[1]);
const operations = Object.values(contract.paths).flatMap((path) => Object.values(path));
const modules = operations.flatMap((operation) => operation["x-codeSamples"] ?? []).filter(({ lang }) => lang === "TypeScript");
if (modules.length !== operations.length) throw new Error("an operation has no sample in TypeScript");
// Types of the runtime that a sample uses and that are not part of the language.
const GLOBALS = "declare const process: { env: Record<string, string | undefined> };\n";

let count = 0;
for (const [name, { type, until, ...options }] of Object.entries(CONSUMERS)) {
  const project = `${folder}/${name.replaceAll(" ", "-")}`;
  const installed = `${project}/node_modules/billing-portal`;
  mkdirSync(installed, { recursive: true });
  run("tar", "xzf", `${folder}/${filename}`, "--strip-components=1", "-C", installed);
  writeFileSync(`${project}/package.json`, JSON.stringify({ name: "consumer", private: true, type }));
  writeFileSync(`${project}/tsconfig.json`, JSON.stringify({ compilerOptions: { ...COMMON, ...options }, include: ["*.ts"] }));
  writeFileSync(`${project}/globals.d.ts`, GLOBALS);
  copyFileSync("types.test.ts", `${project}/types.ts`);
  for (const program of ["example.ts", "open.ts"]) copyFileSync(program, `${project}/${program}`);
  readme.forEach((sample, index) => writeFileSync(`${project}/readme-${index}.ts`, sample));
  if (type === "module") modules.forEach(({ source }, index) => writeFileSync(`${project}/sample-${index}.ts`, source));
  for (const compiler of COMPILERS) {
    const { version } = JSON.parse(readFileSync(`node_modules/${compiler}/package.json`, "utf8"));
    if (until !== undefined && Number.parseInt(version, 10) > until) continue;
    run(process.execPath, `node_modules/${compiler}/bin/tsc`, "--project", project);
    count += 1;
  }
}
// The newest compiler alone: the claims are about Stripe's types, whose own dependencies are not installed.
const words = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"];
run(process.execPath, "node_modules/typescript-newest/bin/tsc", ...words, "stripe.test.ts");
console.log(`t17: ${count} combinations of consumer and compiler accept the types and ${readme.length + modules.length} samples`);
