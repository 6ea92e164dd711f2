// openai-node, the Vercel AI SDK and Anthropic's SDK against a running gateway.
// usage: node check.mjs BASE_URL KEY MODEL MODULES [local]; prints `N passed, M failed` and exits 0 where none failed.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

// With "local" it is a real small model: what it says is its own, and it calls no tools and embeds nothing.
const [base, key, model, modules, local] = process.argv.slice(2);
const CANNOT = ["openaiParallelToolsStreamed", "openaiEmbeddings", "anthropicToolsStreamed", "vercelTools"];
const require = createRequire(pathToFileURL(path.join(modules, "package.json")));
const load = async (name) => import(pathToFileURL(require.resolve(name)));

const { default: OpenAI } = await load("openai");
const { default: Anthropic } = await load("@anthropic-ai/sdk");
const { createOpenAI } = await load("@ai-sdk/openai");
const ai = await load("ai");
const { z } = await load("zod");

const openai = new OpenAI({ baseURL: base, apiKey: key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: base.replace(/\/v1$/, ""), apiKey: key, maxRetries: 0 });
const vercel = createOpenAI({ baseURL: base, apiKey: key });
const HI = [{ role: "user", content: "hi" }];
const PARAMETERS = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
const told = (text) => (local ? assert.ok(text.trim()) : assert.equal(text, "你好, hello there"));
const counted = (tokens, known) => (local ? assert.ok(tokens > 0) : assert.equal(tokens, known));
const TOOL = { type: "function", function: { name: "f", parameters: PARAMETERS } };

const checks = {
  async openaiPlain() {
    const said = await openai.chat.completions.create({ model, messages: HI });
    told(said.choices[0].message.content);
    counted(said.usage.total_tokens, 12);
  },
  async openaiStreamWithUsage() {
    let text = "";
    let usage = null;
    const options = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await openai.chat.completions.create({ model, messages: HI, ...options })) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    told(text);
    counted(usage.total_tokens, 12);
  },
  async openaiParallelToolsStreamed() {
    const asked = { model, messages: HI, tools: [TOOL], parallel_tool_calls: true };
    const said = await openai.chat.completions.stream(asked).finalChatCompletion();
    const calls = said.choices[0].message.tool_calls;
    assert.equal(calls.length, 2);
    for (const call of calls) assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["a"]);
  },
  async openaiEmbeddings() {
    const said = await openai.embeddings.create({ model, input: ["a", "b"] });
    assert.deepEqual(said.data.map((one) => one.embedding.length), [16, 16]);
  },
  async openaiResponses() {
    const first = await openai.responses.create({ model, input: "My name is Ann." });
    told(first.output_text);
    const next = await openai.responses.create({ model, input: "And?", previous_response_id: first.id });
    assert.equal(next.status, "completed");
  },
  async openaiResponsesStreamed() {
    let text = "";
    let last = null;
    for await (const event of await openai.responses.create({ model, input: "hi", stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event;
    }
    told(text);
    assert.equal(last.type, "response.completed");
    counted(last.response.usage.total_tokens, 12);
  },
  async openaiErrors() {
    await assert.rejects(
      openai.chat.completions.create({ model: "nobody", messages: HI }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
    );
    await assert.rejects(
      new OpenAI({ baseURL: base, apiKey: "sl-no", maxRetries: 0 }).models.list(),
      (error) => error instanceof OpenAI.AuthenticationError,
    );
  },
  async anthropicPlain() {
    const said = await anthropic.messages.create({ model, max_tokens: 50, messages: HI });
    told(said.content[0].text);
    counted(said.usage.output_tokens, 7);
  },
  async anthropicToolsStreamed() {
    const tools = [{ name: "f", input_schema: PARAMETERS }];
    const stream = anthropic.messages.stream({ model, max_tokens: 50, messages: HI, tools });
    const said = await stream.finalMessage();
    assert.equal(said.stop_reason, "tool_use");
    assert.deepEqual(Object.keys(said.content[0].input), ["a"]);
  },
  async anthropicError() {
    await assert.rejects(
      anthropic.messages.create({ model: "nobody", max_tokens: 50, messages: HI }),
      (error) => error instanceof Anthropic.NotFoundError && error.error.error.type === "not_found_error",
    );
  },
  async vercelText() {
    for (const chosen of [vercel.chat(model), vercel.responses(model)]) {
      const { text, usage } = await ai.generateText({ model: chosen, prompt: "hi", maxRetries: 0 });
      told(text);
      counted(usage.totalTokens, 12);
    }
  },
  async vercelStream() {
    for (const chosen of [vercel.chat(model), vercel.responses(model)]) {
      let text = "";
      for await (const piece of ai.streamText({ model: chosen, prompt: "hi", maxRetries: 0 }).textStream) text += piece;
      told(text);
    }
  },
  async vercelTools() {
    const f = ai.tool({ inputSchema: z.object({ a: z.string() }), execute: async ({ a }) => a });
    for (const chosen of [vercel.chat(model), vercel.responses(model)]) {
      const options = { prompt: "hi", tools: { f }, maxRetries: 0, stopWhen: ai.stepCountIs(2) };
      const { text, steps } = await ai.generateText({ model: chosen, ...options });
      assert.equal(steps[0].toolCalls[0].toolName, "f");
      told(text);
    }
  },
  async vercelObject() {
    const schema = z.object({ name: z.string(), age: z.number() });
    const options = { prompt: "hi", maxRetries: 0, output: ai.Output.object({ schema }) };
    const said = await ai.generateText({ model: vercel.chat(model), ...options });
    if (local) assert.equal(typeof said.output.age, "number");
    else assert.equal(said.output.age, 3);
  },
};

const wanted = Object.entries(checks).filter(([name]) => !local || !CANNOT.includes(name));
let failed = 0;
for (const [name, check] of wanted) {
  try {
    await check();
    console.log("pass", name);
  } catch (error) {
    failed += 1;
    console.log("FAIL", name, String(error?.stack ?? error).slice(0, 600));
  }
}
console.log(`${wanted.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
