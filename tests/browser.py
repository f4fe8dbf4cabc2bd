"""A headless Chromium on a pipe: the DevTools protocol with nothing but Python's own library.

with Browser("chromium") as browser:
    page = browser.open("file:///.../report.html", width=400, height=800, dark=False)
    page.value("document.title")            what a script expression gives
    page.press("ArrowRight")                a real key
    page.screenshot("x.png")
    page.problems                           console errors, exceptions, requests that left the file
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class Browser:
    def __init__(self, program, patience=120):
        self.patience = patience
        self.home = tempfile.mkdtemp(prefix="ganocl-browser-")
        to_read, self.to = os.pipe()
        self.source, from_write = os.pipe()

        def wire():
            """The protocol's pipes are descriptors 3 and 4 of the child."""
            first, second = os.dup(to_read), os.dup(from_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
                "--user-data-dir=" + self.home,
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--allow-file-access-from-files",
                "about:blank",
            ],
            preexec_fn=wire,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(from_write)
        self.held, self.number, self.events, self.answers = b"", 0, [], {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.source)
        shutil.rmtree(self.home, ignore_errors=True)

    def _take(self, seconds):
        """Reads what has come; messages end with a zero byte."""
        if not select.select([self.source], [], [], seconds)[0]:
            return
        got = os.read(self.source, 1 << 20)
        if not got:
            raise RuntimeError("the browser has ended")
        *whole, self.held = (self.held + got).split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + self.patience
        while self.number not in self.answers:
            if time.monotonic() > end:
                raise RuntimeError(method + ": no answer")
            self._take(1)
        answer = self.answers.pop(self.number)
        if "error" in answer:
            raise RuntimeError(method + ": " + answer["error"]["message"])
        return answer["result"]

    def open(self, url, width, height, dark):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, target, session, url, width, height, dark)


class Page:
    def __init__(self, browser, target, session, url, width, height, dark):
        self.browser, self.target, self.session, self.url = browser, target, session, url
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def value(self, expression):
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(expression + ": " + json.dumps(result["exceptionDetails"])[:300])
        return result["result"].get("value")

    def until(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > end:
                raise RuntimeError("never came true: " + expression)
            time.sleep(0.05)

    def settle(self):
        """Two frames later: layout, observers and drawing are done."""
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def press(self, key):
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode={
                    "ArrowLeft": 37,
                    "ArrowRight": 39,
                    "Home": 36,
                    "End": 35,
                    "Tab": 9,
                    "Escape": 27,
                }[key],
            )
        self.settle()

    def point(self, x, y, click=False):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if click:
            for kind in ("mousePressed", "mouseReleased"):
                self.call(
                    "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
                )
        self.settle()

    def screenshot(self, path):
        height = self.value("document.documentElement.scrollHeight")
        width = self.value("document.documentElement.clientWidth")
        shot = self.call(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        )
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    @property
    def problems(self):
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            kind, params = event["method"], event["params"]
            if kind == "Runtime.exceptionThrown":
                found.append("exception: " + json.dumps(params["exceptionDetails"])[:400])
            elif kind == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append("log: " + params["entry"]["text"])
            elif kind == "Runtime.consoleAPICalled":
                found.append("console: " + json.dumps(params["args"])[:200])
            elif kind == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith("data:") and url.split("#")[0] != self.url:
                    found.append("request: " + url[:200])
        return found

    def close(self):
        self.call("Page.disable")
        self.browser.call("Target.closeTarget", targetId=self.target)
