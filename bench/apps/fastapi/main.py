from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def page() -> dict[str, str]:
    return {"answer": "THE-ANSWER"}
