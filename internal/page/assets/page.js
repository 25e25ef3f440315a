// What a page does beyond what it does without scripts: its figures go on, its times are
// in the browser's own zone, and a dropped file is taken.
"use strict";

(() => {
  const near = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const lang = document.documentElement.lang;
  const thisYear = new Intl.DateTimeFormat(lang, near);
  const otherYear = new Intl.DateTimeFormat(lang, { year: "numeric", ...near });
  const localise = (root) => {
    for (const t of root.querySelectorAll("time[datetime]")) {
      t.title = t.textContent;
      const when = new Date(t.dateTime);
      t.textContent = (when.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(when);
    }
  };
  localise(document);

  // Each part of the figures that has changed is put in the place of what is there, but
  // for one in which somebody is.
  const live = document.getElementById("live");
  const pulse = document.getElementById("pulse");
  if (live && "live" in document.body.dataset) {
    let stream = null;
    let shown = new Map();
    const say = (text) => { if (pulse.textContent !== text) pulse.textContent = text; };
    const take = (html) => {
      const next = new DOMParser().parseFromString(html, "text/html");
      const now = new Map();
      for (const part of [...next.body.children]) {
        if (!part.id) continue;
        const raw = part.outerHTML;
        now.set(part.id, raw);
        const old = document.getElementById(part.id);
        if (shown.get(part.id) === raw || !old) continue;
        if (old.contains(document.activeElement) && document.activeElement !== old) {
          now.delete(part.id); // next time
          continue;
        }
        localise(part);
        for (const d of part.querySelectorAll("details[id]")) {
          const before = document.getElementById(d.id);
          if (before) d.open = before.open;
        }
        old.replaceWith(document.adoptNode(part));
      }
      shown = now;
    };
    const open = () => {
      if (stream || document.hidden) return;
      stream = new EventSource(location.href);
      stream.onmessage = (e) => { say(pulse.dataset.fine); take(e.data); };
      stream.onerror = () => {
        say(pulse.dataset.broken);
        if (stream.readyState === EventSource.CLOSED) {
          stream = null;
          setTimeout(open, 5000);
        }
      };
    };
    const close = () => { if (stream) stream.close(); stream = null; };
    // A hidden page asks for nothing.
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    window.addEventListener("pagehide", close);
    open();
  }

  // A time that is typed is likely of the browser's own zone.
  for (const zone of document.querySelectorAll("[data-zone]")) {
    if (!zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  }

  const drops = (root) => {
    const drop = root.querySelector("[data-drop]");
    if (!drop) return;
    const file = drop.querySelector("input[type=file]");
    const name = drop.querySelector("[data-name]");
    const show = () => { name.textContent = file.files.length ? file.files[0].name : ""; };
    file.addEventListener("change", show);
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (e) => { e.preventDefault(); drop.classList.add("over"); });
    }
    for (const kind of ["dragleave", "drop"]) {
      drop.addEventListener(kind, (e) => { e.preventDefault(); drop.classList.remove("over"); });
    }
    drop.addEventListener("drop", (e) => {
      if (e.dataTransfer.files.length) { file.files = e.dataTransfer.files; show(); }
    });
  };

  // A list on its way shows how far it is. What comes back stands where the page would.
  const sends = (root) => {
    for (const form of root.querySelectorAll("form[data-upload]")) {
      form.addEventListener("submit", (e) => {
        e.preventDefault();
        const way = form.querySelector("[data-way]");
        const [bar, text, button] = [way.querySelector("progress"), way.querySelector("span"), form.querySelector("button[type=submit]")];
        const ends = (words) => { text.textContent = words; button.disabled = false; };
        const call = new XMLHttpRequest();
        call.open("POST", form.action);
        call.upload.addEventListener("progress", (p) => {
          if (!p.lengthComputable) return;
          bar.max = p.total;
          bar.value = p.loaded;
          text.textContent = p.loaded < p.total ? Math.floor((100 * p.loaded) / p.total) + " %" : form.dataset.reading;
        });
        call.addEventListener("error", () => ends(form.dataset.broken));
        call.addEventListener("load", () => {
          if (call.status < 400 && new URL(call.responseURL).pathname !== new URL(form.action).pathname) {
            location.assign(call.responseURL);
            return;
          }
          const main = new DOMParser().parseFromString(call.responseText, "text/html").querySelector("main");
          if (!main) { ends(form.dataset.broken); return; }
          document.querySelector("main").replaceWith(document.adoptNode(main));
          begin(main);
        });
        button.disabled = true;
        way.hidden = false;
        call.send(new FormData(form));
      });
    }
  };
  const begin = (root) => { drops(root); sends(root); };
  begin(document);
})();
