// Runs the tests in Deno and in Bun as well, where they are installed. In Node, `npm test` itself runs them.
import { spawnSync } from "node:child_process";

const RUNTIMES = {
  deno: { words: ["test", "--allow-all", "--no-check", "test/"], hint: "https://deno.com, or npm install --global deno" },
  bun: { words: ["test", "test/"], hint: "https://bun.sh, or npm install --global bun" },
};

for (const [runtime, { words, hint }] of Object.entries(RUNTIMES)) {
  const { error } = spawnSync(runtime, ["--version"]);
  if (error) {
    console.log(`skipped the tests in ${runtime}: it is not installed (${hint})`);
    continue;
  }
  console.log(`the tests in ${runtime}:`);
  const { status } = spawnSync(runtime, words, { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
