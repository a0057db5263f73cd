"""A model node against a provider that speaks OpenAI's protocol: its words as they come, its cost to the last digit."""

from decimal import Decimal

from tests.support.api import Api
from tests.support.blueprints import chain, step
from tests.support.eventually import eventually
from tests.support.outside import COMPLETION_TOKENS, PROMPT_TOKENS, WORDS, Outside

MODEL = "gpt-4o-mini"
COST = Decimal("0.15") * PROMPT_TOKENS / 1_000_000 + Decimal("0.60") * COMPLETION_TOKENS / 1_000_000
"""What the list price of the model makes of the provider's count."""

ASKING = chain(
    step("ask", "model", model=MODEL, prompt="What turns ${ input.what }?", temperature=0.5),
    step("end", "end", output="${ nodes.ask.text }"),
    name="asking",
)


def exactly(number: object) -> Decimal:
    """A JSON number as the decimal that it was written as."""
    return Decimal(str(number))


async def test_its_words_are_streamed_one_by_one_between_the_facts(ada: Api) -> None:
    lines = await ada.stream(await ada.create(ASKING), {"what": "the wheel"})

    tokens = [line for line in lines if line["event"] == "Token"]
    places = [line["event"] for line in lines]
    assert places[-1] == "InstanceCompleted", lines
    assert [token["data"] for token in tokens] == [{"node_id": "ask", "visit": 1, "text": word} for word in WORDS]
    assert {token["seq"] for token in tokens} == {None}
    assert places.index("NodeStarted") < places.index("Token")
    assert [line["seq"] for line in lines if line["seq"]] == list(range(1, len(lines) - len(tokens) + 1))


async def test_its_words_are_the_output_and_no_token_is_recorded(ada: Api) -> None:
    run = await ada.execute(await ada.create(ASKING), {"what": "the wheel"})

    assert run["output"] == "".join(WORDS)
    assert "Token" not in await ada.told(run["instance_id"])


async def test_the_provider_is_asked_once_with_the_key_of_the_attempt(ada: Api, outside: Outside) -> None:
    before = len(outside.provider.asked)

    run = await ada.execute(await ada.create(ASKING), {"what": "the wheel"})

    [asked] = outside.provider.asked[before:]
    body = asked.json()
    assert asked.headers["idempotency-key"] == f"{run['instance_id']}//ask/1/1"
    assert (body["model"], body["stream"], body["temperature"]) == (MODEL, True, 0.5)
    assert body["messages"][-1] == {"role": "user", "content": "What turns the wheel?"}


async def test_tokens_and_cost_are_exact_in_every_figure(ada: Api) -> None:
    blueprint = await ada.create(ASKING)
    runs = [await ada.execute(blueprint, {"what": str(number)}) for number in range(3)]

    for run in runs:
        taken = run["metrics"]
        assert (taken["prompt_tokens"], taken["completion_tokens"]) == (PROMPT_TOKENS, COMPLETION_TOKENS)
        assert taken["tokens_used"] == PROMPT_TOKENS + COMPLETION_TOKENS
        assert exactly(taken["cost"]) == COST
        assert (await ada.instance(run["instance_id"]))["metrics"] == taken

    async def counted() -> dict:
        found = await ada.get(f"/blueprints/{blueprint['id']}/analytics")
        assert found["executions"]["completed"] == 3
        return found

    analytics = await eventually(counted)
    usage = await ada.get("/analytics/usage")
    prompt, completion = 3 * PROMPT_TOKENS, 3 * COMPLETION_TOKENS
    for figures in (analytics, usage):
        assert figures["tokens"] == {"prompt": prompt, "completion": completion, "total": prompt + completion}
        assert exactly(figures["cost"]) == 3 * COST
    [by_blueprint], [by_day] = usage["by_blueprint"], usage["by_day"]
    assert exactly(by_blueprint["cost"]) == exactly(by_day["cost"]) == 3 * COST
    assert by_blueprint["tokens"] == by_day["tokens"] == prompt + completion


async def test_an_answer_from_memory_costs_nothing(ada: Api, outside: Outside) -> None:
    blueprint = await ada.create(ASKING | {"config": {"cache": {"ttl_seconds": 60}}})
    first = await ada.execute(blueprint, {"what": "the wheel"})

    async def remembered() -> dict:
        again = await ada.execute(blueprint, {"what": "the wheel"})
        assert again["metrics"]["cache_hits"] == 1
        return again

    again = await eventually(remembered)

    assert again["output"] == first["output"]
    assert (again["metrics"]["tokens_used"], again["metrics"]["cost"]) == (0, 0)


async def test_without_the_network_the_offline_provider_says_that_it_is_one(ada: Api) -> None:
    offline = chain(step("ask", "model", provider="offline", prompt="Who are you?"))

    run = await ada.execute(await ada.create(offline))

    assert run["status"] == "completed"
    assert "offline" in str(run["output"]).lower()
    assert run["metrics"]["cost"] == 0
