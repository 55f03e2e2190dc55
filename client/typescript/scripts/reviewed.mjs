// Holds Stripe's types to what this product has reviewed of them (reviewed.test.ts), and proves that a difference in any
// part of the list is found and named.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const LIST = "../../server/stripe-portal.json";
const CLAIMS = "reviewed.test.ts";
const folder = "node_modules/.reviewed";
// Stripe's package refers to types of Node, which are not installed.
const OPTIONS = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--resolveJsonModule", "--types", ""];
const TARGET = ["--target", "es2022", "--module", "nodenext"];

/** The compiler's verdict about a file: the status and what it printed. */
function compile(file) {
  const words = ["node_modules/typescript-newest/bin/tsc", ...OPTIONS, ...TARGET, file];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

/** The same claims about a list in which every part lacks its last name, or has one more. */
function compileChanged(name, change) {
  const { about, ...parts } = JSON.parse(readFileSync(LIST, "utf8"));
  const changed = Object.entries(parts).map(([part, names]) => [part, change(names)]);
  mkdirSync(`${folder}/${name}`, { recursive: true });
  writeFileSync(`${folder}/${name}/list.json`, JSON.stringify(Object.fromEntries(changed)));
  const claims = readFileSync(CLAIMS, "utf8").replace(LIST, "./list.json");
  writeFileSync(`${folder}/${name}/claims.ts`, claims);
  return { parts, ...compile(`${folder}/${name}/claims.ts`) };
}

const { status, output } = compile(CLAIMS);
if (status !== 0) fail(`Stripe's types differ from ${LIST}:\n${output}`);

rmSync(folder, { recursive: true, force: true });
const lacking = compileChanged("lacking", (names) => Object.fromEntries(Object.entries(names).slice(0, -1)));
const missed = Object.values(lacking.parts).map((names) => Object.keys(names).at(-1));
const having = compileChanged("having", (names) => ({ ...names, something_else: "" }));
const found = having.output.split("'\"something_else\"'").length - 1;
if (missed.some((name) => !lacking.output.includes(`"${name}"`)) || found !== Object.keys(having.parts).length) {
  fail(`A difference was not found:\n${lacking.output}${having.output}`);
}
console.log(`${missed.length} lists of what is reviewed are those of Stripe's package`);
