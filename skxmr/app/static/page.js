"use strict";
// Whatever comes from the index is put into the page as text, never as HTML.

const LIMIT = 24;
const TAGS_SHOWN = 8;
const TOKEN = "skxmr token";
const byId = (id) => document.getElementById(id);

// What is searched for. A picture is held here only; the rest also stands in the address, so that Back works.
const state = { text: "", like: "", tag: [], modality: "", offset: 0, picture: null };
let about = null;
let version = null;
// Requests are numbered, so that a late answer does not replace a newer one.
let latest = 0;
let latestWhy = 0;
let pictures = [];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function count(number, singular, plural) {
  return `${number.toLocaleString("en")} ${number === 1 ? singular : plural}`;
}

/* Talking with the server */

class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, parameters = {}, picture = null) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== "" && one !== null) query.append(name, one);
  }
  const address = query.size ? `${path}${path.includes("?") ? "&" : "?"}${query}` : path;
  const token = sessionStorage.getItem(TOKEN);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    if (picture) headers["Content-Type"] = picture.type || "application/octet-stream";
    answer = await fetch(address, picture ? { method: "POST", body: picture, headers } : { headers });
  } catch {
    throw new Refused(0, "The server cannot be reached. It may have ended.");
  }
  if (answer.ok) return answer;
  let sentence = `The server answered ${answer.status}.`;
  try {
    sentence = (await answer.json()).error || sentence;
  } catch { /* The sentence above says what is known. */ }
  throw new Refused(answer.status, sentence);
}

function query() {
  return { text: state.text, like: state.like };
}

/* Showing what was found */

async function showPicture(image, frame, address, size) {
  try {
    const blob = await (await ask(address, { size })).blob();
    const url = URL.createObjectURL(blob);
    pictures.push(url);
    image.src = url;
  } catch (refused) {
    frame.replaceChildren(refused.message);
  }
}

function tagButton(tag, label = tag) {
  const chosen = state.tag.includes(tag);
  const attributes = { type: "button", class: "chip", dir: "auto", "aria-pressed": String(chosen) };
  return element("button", { ...attributes, onclick: () => toggle(tag) }, label);
}

function tagsOf(hit) {
  const list = element("ul", { class: "chips", "aria-label": "Tags" });
  const show = (tags) => list.append(...tags.map((tag) => element("li", {}, tagButton(tag))));
  show(hit.tags.slice(0, TAGS_SHOWN));
  const rest = hit.tags.slice(TAGS_SHOWN);
  if (rest.length) {
    const more = element("li", {}, element("button", { type: "button", class: "chip", onclick: () => {
      more.remove();
      show(rest);
      list.children[TAGS_SHOWN].firstChild.focus();
    } }, `${rest.length} more`));
    list.append(more);
  }
  return hit.tags.length ? list : null;
}

function card(hit) {
  const name = hit.caption || String(hit.id);
  const heading = `hit-${hit.rank}`;
  const parts = [];
  if (hit.picture) {
    const image = element("img", { alt: name });
    const frame = element("div", { class: "frame" }, image);
    showPicture(image, frame, hit.picture, 480);
    parts.push(frame);
  } else if (hit.modality === "image") {
    parts.push(element("div", { class: "frame" }, "no picture"));
  }
  parts.push(element("h2", { id: heading, class: "long", dir: "auto" }, name));
  const facts = [hit.score === null ? null : `score ${hit.score.toFixed(3)}`];
  if (hit.caption !== null && String(hit.id) !== hit.caption) facts.push(String(hit.id));
  for (const [key, value] of Object.entries(hit.about)) facts.push(`${key}: ${value}`);
  parts.push(element("p", { class: "facts long" }, facts.filter((fact) => fact !== null).join(" · ")));
  parts.push(tagsOf(hit));
  const acts = element("div", { class: "acts" });
  const about = { "aria-describedby": heading };
  if (hit.score !== null) {
    acts.append(element("button", { type: "button", onclick: () => explain(hit), ...about }, "Why?"));
  }
  acts.append(element("button", { type: "button", onclick: () => like(hit), ...about }, "More like this"));
  parts.push(acts);
  return element("li", {}, element("article", { class: "card", "aria-labelledby": heading }, ...parts));
}

function said(answer) {
  const for_what = [];
  if (state.text) for_what.push(`“${state.text.length > 80 ? state.text.slice(0, 80) + "…" : state.text}”`);
  if (state.picture) for_what.push("the picture");
  if (state.like) for_what.push(`what is like ${state.like}`);
  const found = answer.total === 0 ? "Nothing fits" : count(answer.total, "item", "items");
  const shown = answer.hits.length ? `, ${answer.hits[0].rank} to ${answer.hits.at(-1).rank} shown` : "";
  const query = for_what.length ? `, for ${for_what.join(" and ")}` : "";
  const note = answer.note ? ` ${answer.note}` : "";
  return `${found}${query}${shown}.${note}`;
}

function showProblem(sentence) {
  byId("problem").textContent = sentence || "";
  byId("problem").hidden = !sentence;
}

async function search({ focus = false } = {}) {
  const number = ++latest;
  showFilters();
  const results = byId("results");
  results.setAttribute("aria-busy", "true");
  try {
    const parameters = { ...query(), tag: state.tag, modality: state.modality, offset: state.offset, limit: LIMIT };
    const answer = await (await ask("/api/search", parameters, state.picture)).json();
    if (number !== latest) return;
    if (version !== null && answer.version !== version) await learn();
    version = answer.version;
    pictures.forEach((url) => URL.revokeObjectURL(url));
    pictures = [];
    // Whoever stands on something that goes away would have to begin at the top of the page.
    const goesAway = results.contains(document.activeElement);
    results.replaceChildren(...answer.hits.map(card));
    results.dataset.version = answer.version;
    byId("status").textContent = said(answer);
    showPages(answer);
    showProblem(answer.problem);
    if (focus || goesAway) results.focus();
  } catch (refused) {
    if (number !== latest) return;
    if (refused.status === 401) return showDoor();
    showProblem(refused.message);
    byId("status").textContent = "";
  } finally {
    if (number === latest) results.removeAttribute("aria-busy");
  }
}

function showPages(answer) {
  const last = Math.min(answer.total, about ? about.max_depth - (about.max_depth % LIMIT) : answer.total);
  byId("pages").hidden = answer.total <= LIMIT;
  byId("previous").disabled = state.offset === 0;
  byId("next").disabled = state.offset + LIMIT >= last;
  const page = Math.floor(state.offset / LIMIT) + 1;
  byId("range").textContent = `Page ${page} of ${Math.max(1, Math.ceil(last / LIMIT))}`;
}

/* Why was it found? */

function cell(value, largest, name) {
  if (typeof value !== "number") return element("td", {}, value);
  const share = largest ? Math.abs(value) / largest : 0;
  return element("td", {}, element("meter", { min: 0, max: 1, value: share, "aria-label": name }), value.toFixed(3));
}

function madeTable({ caption, columns, rows }) {
  const numbers = rows.flat().filter((value) => typeof value === "number");
  const largest = Math.max(0, ...numbers.map(Math.abs));
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  const lines = rows.map(([name, ...values]) => element("tr", {},
    element("th", { scope: "row" }, String(name)),
    ...values.map((value, i) => cell(value, largest, `${columns[i + 1]}, ${name}`))));
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", {}, element("caption", {}, caption), element("thead", {}, head), element("tbody", {}, ...lines)));
}

async function explain(hit) {
  const number = ++latestWhy;
  const body = byId("why-body");
  // A name that is written from right to left leaves the rest of the title in its place.
  byId("why-title").replaceChildren("Why was “", element("bdi", {}, String(hit.caption || hit.id).slice(0, 150)), "” found?");
  body.replaceChildren("One moment …");
  byId("why").showModal();
  try {
    const answer = await (await ask("/api/why", { id: hit.id, ...query() }, state.picture)).json();
    const parts = [element("p", {}, `Score ${answer.score.toFixed(3)}.`)];
    parts.push(...answer.sentences.map((sentence) => element("p", {}, sentence)));
    if (number !== latestWhy) return;
    parts.push(...answer.tables.map(madeTable));
    if (answer.version !== version) parts.push(element("p", { class: "quiet" }, "The index has changed since the search."));
    body.replaceChildren(...parts);
  } catch (refused) {
    if (number === latestWhy) body.replaceChildren(element("p", {}, refused.message));
  }
}

/* What somebody asks for */

function remember(replace = false) {
  const parameters = new URLSearchParams();
  for (const name of ["text", "like", "modality"]) if (state[name]) parameters.set(name, state[name]);
  for (const tag of state.tag) parameters.append("tag", tag);
  if (state.offset) parameters.set("offset", state.offset);
  const address = parameters.size ? `?${parameters}` : location.pathname;
  history[replace ? "replaceState" : "pushState"]({ picture: state.picture }, "", address);
}

function recall(picture = null) {
  const parameters = new URLSearchParams(location.search);
  state.text = parameters.get("text") || "";
  state.like = parameters.get("like") || "";
  state.modality = parameters.get("modality") || "";
  state.tag = parameters.getAll("tag");
  state.offset = Math.max(0, Number.parseInt(parameters.get("offset") || "0", 10) || 0);
  state.picture = picture;
  byId("text").value = state.text;
  for (const radio of document.querySelectorAll("[name=modality]")) radio.checked = radio.value === state.modality;
  showAsked();
}

function change(changes, options = {}) {
  Object.assign(state, { offset: 0 }, changes);
  byId("text").value = state.text;
  showAsked();
  remember();
  search(options);
}

function toggle(tag) {
  const tags = state.tag.includes(tag) ? state.tag.filter((other) => other !== tag) : [...state.tag, tag];
  change({ tag: tags });
  for (const chip of byId("tag-list").querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(state.tag.includes(chip.dataset.tag)));
  }
}

function like(hit) {
  change({ text: "", picture: null, like: String(hit.id) }, { focus: true });
  window.scrollTo({ top: 0 });
}

function take(file) {
  if (!file) return;
  if (about && about.refuses.image) return showProblem("The model of this index takes no pictures.");
  if (file.type && !file.type.startsWith("image/")) return showProblem(`${file.name} is no picture.`);
  if (about && file.size > about.max_bytes) {
    return showProblem(`The picture has ${(file.size / 1e6).toFixed(1)} MB; at most ${about.max_bytes / 1e6} MB are possible.`);
  }
  change({ picture: file, like: "" });
}

function showAsked() {
  const preview = byId("preview");
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.removeAttribute("src");
  preview.hidden = !state.picture;
  if (state.picture) {
    preview.src = URL.createObjectURL(state.picture);
    preview.alt = "The picture that is searched for";
  }
  byId("asked").hidden = !(state.picture || state.like);
  byId("asked-name").textContent = state.picture ? state.picture.name || "a picture" : `More like ${state.like}`;
}

function showFilters() {
  const chips = state.tag.map((tag) => element("button", { type: "button", class: "chip", "aria-pressed": "true",
    "aria-label": `Remove the tag ${tag}`, onclick: () => toggle(tag) }, `${tag} ×`));
  const goesAway = byId("filters").contains(document.activeElement);
  byId("filters").replaceChildren(element("span", { class: "quiet" }, "Only with"), ...chips);
  byId("filters").hidden = !chips.length;
  if (goesAway) (chips[0] || byId("text")).focus();
}

async function showTags() {
  const prefix = byId("prefix").value.trim();
  const answer = await (await ask("/api/tags", { prefix })).json();
  if (byId("prefix").value.trim() !== prefix) return;
  const list = answer.tags.map(({ tag, items }) => {
    const button = tagButton(tag, `${tag} (${items.toLocaleString("en")})`);
    button.dataset.tag = tag;
    return element("li", {}, button);
  });
  byId("tag-list").replaceChildren(...list);
  const hidden = answer.total - answer.tags.length;
  byId("tag-note").textContent = hidden > 0 ? `${count(hidden, "more tag", "more tags")}; type a part of its name.` : "";
}

/* The beginning */

async function learn() {
  about = await (await ask("/api/about")).json();
  version = about.version;
  const kinds = Object.entries(about.modalities).map(([name, number]) => (
    name === "image" ? count(number, "picture", "pictures") : count(number, "text", "texts")));
  byId("about").textContent = `${kinds.join(", ") || "no items"}; ${count(about.tags, "tag", "tags")}; version ${about.version}`;
  byId("kinds").hidden = Object.keys(about.modalities).length < 2;
  byId("tags").hidden = about.tags === 0;
  byId("picking").hidden = Boolean(about.refuses.image);
  byId("text").disabled = Boolean(about.refuses.text);
  if (about.refuses.text) byId("text").placeholder = "The model of this index takes no words";
  if (byId("tags").open) await showTags();
}

function showDoor() {
  byId("form").hidden = true;
  byId("door").hidden = false;
  byId("status").textContent = sessionStorage.getItem(TOKEN) ? "This token is not the right one." : "";
  byId("results").replaceChildren();
  byId("token").focus();
}

async function begin() {
  // A token may come in the address, behind #, which no browser sends to a server.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  recall(history.state && history.state.picture instanceof Blob ? history.state.picture : null);
  try {
    await learn();
  } catch (refused) {
    if (refused.status === 401) return showDoor();
    return showProblem(refused.message);
  }
  byId("form").hidden = false;
  byId("door").hidden = true;
  await search();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  change({ text, like: text || state.picture ? "" : state.like });
});
byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  begin();
});
byId("file").addEventListener("change", (event) => {
  take(event.target.files[0]);
  event.target.value = "";
});
byId("forget").addEventListener("click", () => {
  change({ picture: null, like: "" });
  byId("text").focus();
});
byId("kinds").addEventListener("change", (event) => change({ modality: event.target.value }));
byId("tags").addEventListener("toggle", () => byId("tags").open && showTags().catch((refused) => showProblem(refused.message)));
byId("prefix").addEventListener("input", () => showTags().catch((refused) => showProblem(refused.message)));
byId("prefix").addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
byId("previous").addEventListener("click", () => turn(-LIMIT));
byId("next").addEventListener("click", () => turn(LIMIT));
window.addEventListener("popstate", (event) => {
  recall(event.state && event.state.picture instanceof Blob ? event.state.picture : null);
  search();
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("text").focus();
  }
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) take(file);
});

function turn(by) {
  change({ offset: Math.max(0, state.offset + by) }, { focus: true });
  window.scrollTo({ top: 0 });
}

begin();
