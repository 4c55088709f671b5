// -- the page -------------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const model = loadModel(JSON.parse(byId("model").textContent), byId("weights").textContent);
const CHUNK = 12; // milliseconds of writing before the page may show it, and look at what is clicked
let wishes = null, writer = null, writing = false, plain = "";

const say = (text) => (byId("status").textContent = text);

function show(text, kind) {
  const span = document.createElement("span");
  if (kind) span.className = kind;
  span.textContent = text;
  byId("text").append(span);
  plain += text;
}

/** Begin the text, or the next document, from the next seed. */
function start() {
  writer = new Writer(model, wishes);
  if (plain) {
    byId("text").append(document.createElement("hr"));
    plain += "\n\n";
  }
  show(writer.prompt, "prompt");
  wishes.last = wishes.seed;
  wishes.seed += 1n;
}

/** Yield what is asked for, character by character: more of a text, or some documents. */
function* asked() {
  const length = byId("length").valueAsNumber;
  const documents = model.ends.length ? byId("number").valueAsNumber : 1;
  for (let n = 0; n < documents; n++) {
    if (model.ends.length || !writer) start();
    for (let i = 0; i < length; i++) {
      const ch = writer.next();
      if (ch === null) break;
      yield ch;
    }
    if (n + 1 < documents) yield null; // so that what is written is shown before the next begins
  }
}

function running(on) {
  writing = on;
  byId("write").textContent = on ? "Stop" : "Write";
  byId("more").disabled = on || !wishes;
  byId("copy").disabled = !wishes;
}

/** Let the browser draw and listen, without the delay that timers have. */
const pause = () => new Promise((resolve) => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => (channel.port1.close(), resolve());
  channel.port2.postMessage(null);
});

/** Write what is asked for, or until stopped. */
async function write() {
  const all = asked(), first = wishes.seed;
  let done = 0, busy = 0, over = false;
  running(true);
  say("Writing …");
  while (!over && writing) {
    const began = performance.now();
    let piece = "", next;
    do {
      next = all.next();
      if (typeof next.value === "string") piece += next.value;
      else break;
    } while (performance.now() - began < CHUNK);
    busy += performance.now() - began;
    done += Array.from(piece).length;
    over = Boolean(next.done);
    show(piece);
    await pause();
  }
  running(false);
  const rate = busy > 0 ? `, ${Math.round((1000 * done) / busy).toLocaleString("en")} a second` : "";
  const seeds = wishes.last > first ? `Seeds ${first} to ${wishes.last}` : `Seed ${wishes.last}`;
  say(`${done.toLocaleString("en")} characters${rate}. ${seeds}.`);
  byId("text").dataset.done = "true"; // for who drives the page
}

function begin() {
  const given = byId("seed").value.trim();
  wishes = {
    prompt: byId("prompt").value,
    temperature: byId("temperature").valueAsNumber,
    labels: Array.from({ length: model.columns }, (_, column) => Number(byId(`label${column}`).value)),
    seed: BigInt(given || crypto.getRandomValues(new Uint32Array(1))[0]),
  };
  writer = null;
  plain = "";
  byId("text").replaceChildren();
  delete byId("text").dataset.done;
  write();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (writing) writing = false;
  else begin();
});
byId("more").addEventListener("click", write);
byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(plain);
    say("Copied.");
  } catch { // some browsers refuse pages that are files
    getSelection().selectAllChildren(byId("text"));
    say(document.execCommand("copy") ? "Copied." : "Selected: copy it with the keyboard.");
  }
});
byId("temperature").addEventListener("input", () => {
  byId("shown").textContent = byId("temperature").valueAsNumber.toFixed(2);
});

/** An address that ends in #prompt=…&seed=…&write fills fields by their id, and has it written. */
const wished = new URLSearchParams(location.hash.slice(1));
for (const [name, value] of wished) {
  const field = byId(name);
  if (field && "value" in field) field.value = value;
}
byId("temperature").dispatchEvent(new Event("input"));
if (wished.has("write") && byId("form").reportValidity()) begin();
