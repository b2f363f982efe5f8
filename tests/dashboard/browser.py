"""A headless Chromium, driven through chromedriver with nothing but the standard library.

    with Browser() as browser:
        browser.open("http://127.0.0.1:8080/")
        browser.wait_for("the page says it is up", "return document.title.startsWith('Up')")

Each has a profile of its own, which goes with it. What cannot be had raises Missing.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

WAIT_SECONDS = 20


class Missing(Exception):
    """There is no Chromium here."""


class Browser:
    def __init__(self):
        self.driver = shutil.which("chromedriver")
        self.chromium = shutil.which("chromium")
        if not self.driver or not self.chromium:
            raise Missing("no chromium, or no chromedriver: install chromium-driver")

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="holdfast-chromium-",
                                                   ignore_cleanup_errors=True)
        self.process = subprocess.Popen([self.driver, "--port=0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        try:
            self.session = self.driver_url() + "/session"
            self.session += "/" + self.ask("POST", "", self.capabilities())["sessionId"]
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", "")
        finally:
            self.end()

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.profile.cleanup()

    def driver_url(self):
        for line in self.process.stdout:
            started = re.search(r"started successfully on port (\d+)", line)
            if started:
                return "http://127.0.0.1:" + started[1]
        raise RuntimeError("chromedriver did not start")

    def capabilities(self):
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--user-data-dir=" + self.profile.name]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        return {"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": self.chromium, "args": arguments}}}}

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.session + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def wait_for(self, what, script):
        """Until script returns something true, which is returned."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            found = self.run(script)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"not within {WAIT_SECONDS} s: {what}; the page says: " +
                             self.text("#answer"))

    def wait_for_phase(self, phase):
        self.wait_for(f"the page tells that it is {phase}",
                      f"return document.body.dataset.phase === '{phase}'")

    def devtools(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height, scale=1):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=scale, mobile=False)

    def prefer(self, colours):
        """Pretends that the user's system is "light" or "dark"."""
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": colours}])

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.devtools("Page.captureScreenshot")["data"]))

    def complaints(self):
        """What the console said since the last time, but for answers that did not come."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})
                if entry["source"] != "network"]

    def requests(self):
        """The addresses that were asked for since the last time."""
        messages = [json.loads(entry["message"])["message"]
                    for entry in self.ask("POST", "/se/log", {"type": "performance"})]
        return [m["params"]["request"]["url"] for m in messages
                if m["method"] == "Network.requestWillBeSent"]
