// Is an exchange with Azure one that the official specification knows?
//
//   node judge.mjs MODULES AZURE_API < exchanges.jsonl > verdicts.jsonl
//
// A line in: {"id", "world", "judge": ["request", "response"], "liveRequest", "liveResponse"}, in the order in
// which they happened; `world` tells apart whose operation URLs are whose. A line out: {"id", "kind", "operationId",
// "apiVersion", "code", "request": [], "response": []}. The last line counts them.

import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

import { Operations, folded, namespace } from "./operations.mjs";
import { Specification } from "./specification.mjs";

const [modules, root] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const { LiveValidator } = require("oav/dist/lib/liveValidation/liveValidator.js");

// 2023-08-01 became generally available without a change; the folder has it as the preview that it was.
const SAME_VERSION = { "microsoft.sql": { "2023-08-01": "2023-08-01-preview" } };

const specification = new Specification(root);
const operations = new Operations(root);
const validator = new LiveValidator(
  {
    directory: path.join(root, "specification"),
    swaggerPaths: specification.specFiles(),
    git: { shouldClone: false },
    loadValidatorInBackground: false,
    loadValidatorInInitialize: false,
    isArmCall: true,
  },
  () => {},
);
await validator.initialize();

const said = (issues) => issues.map(({ code, message, jsonPathsInPayload }) => `${code} ${(jsonPathsInPayload ?? []).join(" ")}: ${message}`);

function asJudged(url) {
  const whole = new URL(url, "https://management.azure.com");
  const version = whole.searchParams.get("api-version");
  const same = SAME_VERSION[namespace(url)]?.[version];
  if (same) whole.searchParams.set("api-version", same);
  return whole;
}

async function judged(line) {
  const { id, world = "", judge = ["request", "response"] } = line;
  const live = { ...line.liveResponse, headers: folded(line.liveResponse.headers) };
  const exchange = { liveRequest: { ...line.liveRequest, headers: folded(line.liveRequest.headers) }, liveResponse: live };
  const verdict = { id, kind: "operation", status: live.statusCode, code: live.body?.error?.code, request: [], response: [] };
  const url = asJudged(exchange.liveRequest.url);
  if (!/^\/(subscriptions|providers|tenants)(\/|$)/i.test(url.pathname)) return { ...verdict, kind: "elsewhere" };
  const polled = operations.asked(world, exchange.liveRequest.method, exchange.liveRequest.url);
  if (polled) {
    verdict.kind = "poll";
    verdict.response = operations.polled(world, exchange, polled);
    // What an operation ends with is what the one that began it declares.
    if (polled.kind === "result" && live.statusCode === "200" && live.body !== undefined && polled.operation) {
      const answer = structuredClone(live);
      const specified = { url: asJudged(polled.begun.liveRequest.url).href, method: polled.begun.liveRequest.method };
      const end = await validator.validateLiveResponse(answer, specified);
      verdict.response.push(...said(end.errors));
      verdict.response.push(...specification.response(polled.operation, "200", live.body));
    }
    return verdict;
  }
  const asked = { ...exchange.liveRequest, url: url.href, headers: { "content-type": "application/json", ...exchange.liveRequest.headers } };
  const result = await validator.validateLiveRequestResponse({ liveRequest: asked, liveResponse: structuredClone(live) }, {});
  const broken = result.runtimeException ?? result.requestValidationResult.runtimeException ?? result.responseValidationResult.runtimeException;
  if (broken?.code?.startsWith("OPERATION_NOT_FOUND")) return { ...verdict, kind: "outside", why: broken.code };
  if (broken) return { ...verdict, kind: "broken", why: `${broken.code}: ${broken.message}` };
  const { operationId, apiVersion } = result.requestValidationResult.operationInfo;
  const operation = specification.find(operationId, apiVersion);
  Object.assign(verdict, { operationId, apiVersion });
  if (judge.includes("request")) {
    verdict.request.push(...said(result.requestValidationResult.errors));
    verdict.request.push(...specification.request(operation, asked.body, Object.fromEntries(url.searchParams)));
  }
  if (judge.includes("response")) {
    const undeclared = ({ code }) => code === "INVALID_RESPONSE_CODE" && Number(live.statusCode) >= 400;
    verdict.response.push(...said(result.responseValidationResult.errors.filter((issue) => !undeclared(issue))));
    verdict.response.push(...specification.response(operation, live.statusCode, live.body));
    verdict.response.push(...operations.begins(world, exchange, operation));
  }
  return verdict;
}

let count = 0;
for await (const line of readline.createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  count += 1;
  process.stdout.write(`${JSON.stringify(await judged(JSON.parse(line)))}\n`);
}
process.stdout.write(`${JSON.stringify({ judged: count })}\n`);
