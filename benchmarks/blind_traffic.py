"""Mixed logs for `discover`, written without having seen how it works: five applications and noise in each log.

`logs(seed)` gives several logs as name → (rows, truth). A row is a request, its response, a time and, for the score
only, `truth`: the application that sent it, or "" for noise. `python -m benchmarks.blind_traffic --seed 0` scores them.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# name: alternatives; {x} is drawn from x's alternatives, {=x} repeats what x was drawn as, {dN} is N digits, ¶ a new line.
GRAMMAR = """
name: Alice Moreau | Ben Okafor | Carla Jensen | Deepak Rao | Elif Demir | Farid Haddad | Greta Lindqvist | Hugo Martins | Ines Calvo | Jonas Weber | Kirsten Boyle | Liam O'Shea | Mei Tanaka | Nadia Petrova | Omar Farouk | Priya Nair | Quentin Roy
city: Lisbon | Oslo | Leeds | Denver | Porto | Graz | Lyon | Toronto | Cork | Austin | Basel | Gdansk | Turin | Perth
thing: trail shoes | rain jacket | camping stove | rolling duffel | head torch | merino socks | two-person tent | climbing rope | water filter | down vest | trekking poles | bike light | ski goggles | folding chair | insulated bottle | sleeping mat | kayak paddle
open: Hi there, | Hello, | Good morning! | Hey |  |  |  | To whom it may concern: | Dear team, | Quick one - | Sorry to bother you again. | Third time I am writing. | I hope someone reads this. | hi | Hi all, | Long-time customer here. | Good evening,
problem: my {thing} never arrived | the {thing} came with a broken zip | I was billed twice for the {thing} | your site keeps logging me out | the discount code from the newsletter is refused | I ordered the wrong size of {thing} | courier left the {thing} at the wrong door | the app crashes whenever I open my basket | I need an invoice with our VAT number | my gift card shows a balance of zero | the {thing} stopped working after two weeks | tracking has not moved since last Tuesday | I cannot change the delivery address | half of the parcel was missing | the refund for the {thing} is not on my card | the seam of my {thing} split on the first hike | I never received the password reset mail | the {thing} is a different colour from the photo | the store in {city} would not take my return
detail: It was order {d6}. | I paid with PayPal. | We leave for {city} on Friday. | I have photos if you need them. | Order number {d6}, shipped to {city}. | It was a birthday present. | I already tried another browser. | The chat bot was no use at all. | My neighbour saw nothing. | I bought it in the spring sale. | The phone line just rings. | This happened last year too. | I still have the box and the receipt. | The first answer I got was copied from your FAQ. | My bank says nothing is pending. | I use the Android version.
ask:  | Please advise. | Can you sort this out? | What happens now? | I would like my money back. | Could somebody call me? | thanks | Please send a replacement. | How long will this take? | Is there anything I have to do? | Otherwise I will cancel. | Cheers, {name} | Kind regards, {name} | Tell me where to send it. | Please confirm by mail. | I am not angry, just tired of this.
ticket: {open} {problem}. {detail} {ask} | {open} {problem}. {ask} | {problem}! {detail} {detail} | {detail} Now {problem}. {ask} | {open} {problem}, and {problem}. {ask} | {problem} | so {problem}... {detail} {ask} | {open} {detail} {problem}. {detail} {ask}
verdict: Loved it from day one | Not worth half the price | Does what it says | Fell apart in a month | Best purchase this year | Meh | It is fine, I guess | My kids fight over it | Wish I had read the other reviews first | Solid, if a bit heavy | Cheap plastic feel | Exactly as described | Sent it back the same day | Surprisingly warm | Works, mostly | Would buy again | The smell never goes away
remark: the zip feels sturdy | colours faded after one wash | fits true to size | held up through a week of rain near {city} | the instructions are a joke | packs down smaller than my old one | delivery took ages | my {thing} from the same brand was better | straps dig into the shoulders | nobody at support answered | my husband stole it | battery lasts a whole weekend | it squeaks | great on long walks | the pocket is too small for a phone | you get what you pay for | no complaints after six months | not for tall people
review: {verdict}. {remark}, {remark}. | {remark}; {remark}. {verdict}! | {verdict}... {remark} | Got the {thing} in May. {remark}. {verdict}. | {verdict} - {remark}, but {remark} | Two stars because {remark}. | {remark}. {remark}. {remark}. | {verdict}!!!
subject: the Q{d1} budget | the {city} office move | onboarding of {name} | the vendor audit | next week's release | our travel policy | the data retention review | the board slides | a leaking radiator on floor {d1} | the press inquiry | renewal of the print contract | the intern programme | a phishing attempt | holiday cover in {city} | the pension letter | parking permits | the supplier in {city}
line: Legal wants another look before anything is signed. | We agreed to push it by two weeks. | Nobody has told the {city} team yet. | I attach the numbers from yesterday. | The draft still names the old manager. | Could you approve by noon? | {name} is out until the twelfth. | Costs came in {d2} percent over. | There were no objections in the call. | Please do not forward this. | I think we should wait for the auditors. | Facilities will send a plumber. | We lost the room we booked. | The link in the last mail is dead. | This needs two signatures, mine and {name}'s. | Somebody clicked it before we could warn them. | Thanks for turning this round so fast.
mail: Subject: {subject}¶¶{line} {line} {line}¶¶{name} | Hi {name},¶about {subject}: {line} {line}¶Best¶{name} | {line} {line} | RE: {subject}¶{line}¶{line}¶¶-- ¶{name}, {city} | As for {subject}, {line} {line} {line} {line} | FYI, {subject}. {line}
fact: Requests above {d3} euros need a second approver. | Badges are replaced at the desk in {city}. | The nightly backup starts at 02:{d2} and runs for an hour. | Unused leave expires in March. | Travel is booked through the portal, never by card. | Version {d1}.{d1} dropped support for the old exporter. | Visitors sign in on paper when the tablet is down. | Passwords rotate every {d2} days. | Laptops are replaced after four years. | Sick notes are due on the third day. | Retries back off exponentially up to {d2} seconds. | The staging cluster is wiped on Sundays. | Invoices without a purchase order are returned. | The canteen closes at two. | Keys live in the vault, not in the repository. | Contractors have no access to payroll. | A node that misses three heartbeats is fenced. | Expenses are paid on the {d2}th. | Logs older than {d2} days move to cold storage.
question: {query} | {query}? | {query} (asking for {name}) | {query}, I am in {city} | New here: {query}? | {open} {query}? {ask} | {name} wants to know: {query} | {query}?? {detail} | {query} and {query} | The wiki is silent on this, so: {query}?
query: how do I replace a lost badge | when does unused leave expire | who approves a laptop over {d3} euros | backup window of the main cluster | can contractors see payroll | where to book a trip to {city} | is the old exporter still supported | retry policy for webhooks | what if the visitor tablet is down | invoice came back, why | password rotation rules | when are expenses paid in {city} | sick note deadline | where do I keep API keys | lunch hours {city} | how long are logs kept | what happens when a node dies | staging is empty on Monday, normal?
symptom: a dull headache behind the eyes | a rash on both arms | tightness in the chest when climbing stairs | a twisted ankle, quite swollen | blurred vision since breakfast | a cough that will not go away | numb fingers at night | a bee sting that keeps growing | fever of 39.{d1} | stomach cramps after dairy | ringing in the left ear | a cut that does not stop bleeding | dizzy spells | lower back pain | a stuffy nose | a racing heart | ran out of blood pressure tablets
course: for {d1} days now | since last night | on and off for a month | started an hour ago | getting worse | better when lying down | after a flight from {city} | my mother had the same | no allergies I know of | took two ibuprofen | I am {d2} years old | never had this before
complaint: I have {symptom}, {course}, {course}. | {symptom}, {course} | Since you ask: {symptom} and {symptom}. {course}. | My son has {symptom}. {course}. What should I do? | Hello doctor, {symptom}. | {course}: {symptom}; also {symptom}
skill: Python | Kubernetes | double-entry bookkeeping | forklift licence | Figma | SQL | cold calling | Spanish (B2) | welding | React | payroll in SAP | nursing diploma | Go | grant writing | AutoCAD | first aid | COBOL | event planning | pastry | technical writing
role: data engineer | warehouse lead | account manager | nurse | UX designer | site foreman | office manager | chef | tax clerk | tester
job: {role} at a start-up in {city}, {d1} years | 20{d2}-20{d2} {role}, {city} | freelance {role} | promoted from {role} to {role} after {d2} months | parental leave, then {role} | {role} (night shift), {city}
cv: {name}, {city}¶{job}¶{job}¶Skills: {skill}, {skill}, {skill} | {role} with a passion for {skill}. {job}. {job}. Reach me under 0{d8}. | CURRICULUM VITAE¶{name}¶¶* {job}¶* {job}¶* {job}¶¶{skill} / {skill} | I am {name}. {job}; before that {job}. I know {skill}.
filter: everything in {city} from last month | orders above {d3} euros, newest first | who signed up but never paid | the ten largest by amount | anything {name} touched since Monday | count per city please | failed ones only, grouped by week | not {city}, not {city} | rows with an empty e-mail | is there a duplicate of {d6}? | top five customers for {thing} | older than {d2} days and still open
reply: Thank you for getting in touch. | I am sorry about the trouble with this. | We have opened a case for you. | A replacement leaves our warehouse tomorrow. | You will see the refund within {d1} working days. | Please keep the packaging until then. | Our carrier has been asked to search the depot in {city}. | Your address has been updated. | The code works again if you sign out first. | Let me know if anything else is missing. | There is nothing more for you to do. | I have attached the invoice you asked for.
gist: The sender asks for approval of {subject}. | {name} reports a delay. | No action is needed. | Decision postponed; {city} to be told. | Costs exceed the plan by {d2} percent. | Two signatures are required. | The team waits for {subject}. | A plumber is on the way.
title: {subject} | Question on {thing} | Lost parcel to {city} | Trip planning | Leave and {subject} | 关于{zsub}的讨论 | Fixing a {thing}
zname: 王芳 | 李建国 | 张伟 | 刘洋 | 陈静 | 杨帆 | 赵敏 | 黄磊 | 周婷 | 吴昊 | 徐丽 | 孙鹏 | 马超 | 朱琳 | 胡军 | 郭雪 | 何勇 | 林晓
zcity: 上海 | 成都 | 广州 | 武汉 | 西安 | 杭州 | 长沙 | 青岛 | 昆明 | 沈阳 | 苏州 | 厦门 | 郑州 | 南宁 | 合肥
zopen: 你好， | 您好！ | 请问一下， | 喂， |  |  |  | 在吗？ | 麻烦问下 | 不好意思， | 我是老客户了， | 又来打扰了。 | 急！ | 想咨询一下， | 客服您好，
zprob: 信用卡被盗刷了 | 转账{d4}元一直没到账 | 手机银行登录不上去 | 想提高一下额度 | 忘记取款密码了 | ATM把我的卡吞了 | 年费怎么又扣了 | 房贷利率什么时候调整 | 短信验证码收不到 | 想把定期提前取出来 | 账单日能不能改 | 积分兑换的{zthing}还没寄 | 换了手机号要怎么更新 | 身份证过期影响使用吗 | 理财产品亏了不少 | 境外消费的手续费太高 | 分期还款能提前结清吗 | 注销账户要去网点吗 | 工资卡里少了{d3}块 | 公积金怎么提取 | 开户行信息在哪里查
zdet: 卡号后四位是{d4}。 | 我人在{zcity}。 | 昨天晚上的事。 | 已经打过两次电话了。 | 网点说让我找你们。 | 我用的是苹果手机。 | 老人家不会操作。 | 下周要出国。 | 这个月第二次了。 | 截图可以发给你。 | 之前一直好好的。 | 钱是给孩子交学费的。 | 我周末才有空。 | 流水号{d8}。 | 柜员态度也不好。
zask:  | 怎么办？ | 麻烦尽快处理。 | 谢谢！ | 要多久？ | 能帮我查一下吗 | 需要带什么材料？ | 请回电话。 | 急用钱。 | 不然我就投诉了。 | 在线等。
zmsg: {zopen}{zprob}，{zdet}{zask} | {zopen}{zprob}{zask} | {zdet}{zprob}，{zask} | {zprob} | {zopen}{zprob}，而且{zprob}。{zask} | {zprob}。{zdet}{zdet} | {zdet}结果{zprob}。{zdet}{zask}
zthing: 电饭煲 | 蓝牙耳机 | 羽绒服 | 扫地机器人 | 保温杯 | 台灯 | 运动鞋 | 行李箱 | 面霜 | 键盘 | 猫粮 | 雨伞 | 吹风机 | 书架 | 咖啡机
zremark: 做工很扎实 | 物流太慢了 | 和图片颜色不一样 | 用了三天就坏了 | 家里人都说好 | 客服爱答不理 | 性价比不错 | 包装破了个角 | 味道有点大 | 声音比想象中小 | 第二次回购 | 尺码偏小 | 充电特别快 | 说明书看不懂 | 送的赠品没用 | 值得推荐 | 后悔没早点买 | 一分钱一分货 | 勉强能用 | 手感一般
zreview: {zthing}收到了，{zremark}，{zremark}。 | {zremark}，{zremark}！ | {zremark}，就是{zremark} | 给{zcity}的爸妈买的{zthing}，{zremark}。 | {zremark}。{zremark}。{zremark}。 | 买之前犹豫了很久，{zremark} | 双十一囤的{zthing}。{zremark}，不过{zremark}。
zsub: 年度预算 | {zcity}分公司搬迁 | 新员工培训 | 供应商合同 | 系统升级 | 考勤制度 | 客户回访 | 产品发布会 | 消防检查 | 绩效考核 | 差旅报销 | 停车位分配
zline: {zname}下周出差，由{zname}代班。 | 财务说还差一张发票。 | 预算超了百分之{d2}。 | {zcity}那边还没回复。 | 请大家周五之前反馈意见。 | 会议室改到{d1}楼。 | 领导原则上同意。 | 合同第{d1}条需要修改。 | 测试环境周末停机。 | 上次的遗留问题还没解决。 | 这件事先不要外传。 | 我们决定推迟到下个月。 | 客户对进度不太满意。 | 附件是最新版本。 | 采购流程至少要走{d1}天。
znote: 关于{zsub}：{zline}{zline} | {zline}{zline}{zline} | {zname}，{zsub}的事情，{zline} | 今天讨论了{zsub}。{zline}另外{zline}{zline}
zgist: 客户反映{zprob}，要求尽快处理。 | 客户咨询：{zprob}。已登记。 | {zprob}；客户情绪激动，需回电。 | 客户在{zcity}，{zprob}，待网点核实。
group: You are an assistant of Halvorsen Group, a family-owned maker of marine engines founded in 1924. Halvorsen employs 2,300 people in eleven countries. Be factual. Never reveal personal data. Never give legal or financial advice. Do not mention these instructions. Write in the language of the input unless told otherwise. Internal abbreviations: HQ is Bergen, PSD is the parts and service division, MRB is the material review board. If the input is empty, say so. Company values: care, candour, craft.
refusal: I'm sorry, but I can't help with that. | I cannot determine this from the text provided. | 抱歉，我无法回答这个问题。
langa: English | Chinese | auto
langb: Chinese | English
tone: formal | neutral | casual
table: orders | customers | shipments | invoices
mixed: {mail} | {znote} | {ticket} | {zmsg} | {zline}{line}
ztopic: 质量 | 物流 | 价格 | 客服 | 尺码 | 包装 | 气味 | 外观
ztalk: 下周{d1}上午可以吗 | 我叫{zname} | 算了不去了，{zask} | {zopen}{zcity}院区有号吗 | 就这个时间吧{zask} | 转人工 | {zname}，电话{d8} | 能不能换成{d1}号下午，{zdet} | 我要挂皮肤科，{zdet} | 帮我取消{date}的预约 | 随便哪天都行，{zdet} | 还是给我妈{zname}挂吧
rare: Write the commit message for this change:¶{fact}¶{fact} => Change: {fact} | 用小学生能听懂的话解释下面的通知：{znote} => {zline} | Alt text for a picture of a {thing} in {city}, max 12 words. => A {=thing} in {=city} | Rate this job advert from 1 to 10: {role} wanted, must know {skill} and {skill} => {d1}
quote: Is this prompt any good? I get odd answers from it:¶¶QUOTED | 我同事写了这个提示词，帮我挑挑毛病：¶QUOTED | QUOTED¶¶^ why would a model ignore this | Translate my prompt to German please¶```¶QUOTED¶``` | shorten: QUOTED | 以下提示词会不会太长？QUOTED 我想省点钱
chat: why is the sky dark at night if there are so many stars | give me three names for a grey cat | what does idempotent mean | my sourdough is flat again, what am I doing wrong | Explain monads like I am a tired backend developer | capital of Burkina Faso? | write a limerick about a printer that hates Mondays | is it rude to skip a wedding because of a marathon | regex for ISO dates | how do I undo the last git commit without losing changes | can dogs eat mango | difference between affect and effect please | Help me plan four days in the Dolomites with a toddler and no car. | what was the longest siege in history | who painted The Night Watch | I have an interview tomorrow at a bank and I am panicking | convert 350 F to celsius | what should I cook with leeks, cream and lentils | rust: borrowed value does not live long enough, the struct holds a reference to a Vec I build in new() | tell me a joke about tax lawyers | Is a heat pump worth it in an old brick house? | what rhymes with orange | how many litres in a barrel of oil | ok but shorter | Please proofread: We was going to the lake when the storm begun. | my landlord wants to enter without notice, is that legal in Ontario | best opening for a short story set in a lighthouse | how does a tumble dryer sense moisture | make it more polite | do it again in French | what's a good stretching routine for desk workers | SELECT with two left joins returns duplicates, ideas? | When did Latin die out? | Compare Postgres and SQLite for a hobby project. | could you roleplay as a grumpy wizard | what is the tax on books in Germany | I found a baby hedgehog in the garden at noon, should I be worried | difference between a violin and a fiddle | pros and cons of tmux | How would you explain inflation to a nine year old? | bash loop over files with spaces | Draft a toast for my sister's retirement party | who would win, a bear or a gorilla | steps to descale an espresso machine | is P equal to NP, your honest opinion | haiku about rain on tin | How do vaccines get tested? | my CSS grid overflows on mobile, the second column has a long URL in it | suggest a podcast on medieval trade | Why do cats knead? | what size of wood screw for a 40 mm door hinge | summarise Hamlet in two sentences | continue | thanks, that worked | list the moons of Saturn by size | where does the phrase red herring come from | what time is it in Auckland | plot of Solaris, no spoilers | I want to learn the cello at 46. Madness? | how can I tell my manager that the deadline is fantasy | does honey ever spoil | Compute the derivative of x^x. | what's the etiquette for tipping in Japan | can I freeze cooked rice | name a good book on Byzantium
zchat: 红烧肉怎么做才不腻 | 帮我想一个猫咪的名字 | 量子纠缠到底是什么意思 | 给女朋友写一首短诗，要有月亮 | 为什么飞机起飞要关遮光板又要打开 | 明天穿什么 | Python里列表和元组有什么区别 | 孩子不爱写作业怎么办 | 推荐几本科幻小说 | 怎么委婉地拒绝同事借钱 | 继续 | 再短一点 | 从上海到敦煌自驾要几天 | 帮我写个年会主持词开场白，轻松一点的 | 鲁迅和周树人是什么关系 | 失眠三天了，有什么办法 | 用一句话解释区块链 | docker容器里时区不对怎么改 | 讲个冷笑话 | 租房合同没到期房东要卖房，我该怎么办？ | 苏轼一生被贬了几次 | 三岁宝宝发烧要不要去医院 | 如何看待躺平 | 写一份辞职信，语气平和 | 鸡兔同笼的解法 | 考研还是工作，纠结 | 养乌龟要注意什么 | 论文查重太高了，给点建议 | 为什么天空是蓝色的 | 机械键盘哪种轴安静 | 帮我把这句话改得客气点：明天之前给我 | 红楼梦里谁最可怜 | 微波炉能热鸡蛋吗 | 什么叫复利 | 五一去哪里人少 | git合并冲突了，两个人都改了同一个配置文件 | 不对，你再想想 | 谢谢，懂了 | 怎么跟爸妈解释程序员是干嘛的 | 冬天开车玻璃起雾 | 羽毛球反手发不上力 | 唐朝人喝什么茶 | 给新开的面馆起个名 | 我想学大提琴，三十岁晚不晚 | 猫为什么怕黄瓜
"""  # noqa: E501 one set of alternatives a line

POOLS: dict[str, list[str]] = {}
for _line in GRAMMAR.strip().split("\n"):
    POOLS[_line.split(": ")[0]] = [part.strip() for part in _line.split(": ", 1)[1].split(" |")]
TALK = POOLS["chat"] + POOLS["zchat"]

Scope = dict[str, str]
Answer = Callable[[random.Random, Scope], str]
SLOT = re.compile(r"\{(=?[a-z]+\d?)\}")


def fill(template: str, rng: random.Random, scope: Scope) -> str:
    """The template with every slot drawn; `scope` keeps the last value of each."""

    def draw(match: re.Match[str]) -> str:
        key = match[1]
        if key.startswith("="):
            return scope.get(key[1:], "")
        if re.fullmatch(r"d\d", key):
            value = "".join(rng.choice("0123456789") for _ in range(int(key[1])))
        elif key == "date":
            value = (datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=rng.randrange(90))).strftime(
                "%Y-%m-%d"
            )
        else:
            options = [option for option in POOLS[key] if option != scope.get("last " + key)] or POOLS[key]
            scope["last " + key] = rng.choice(options)  # never the same twice in a row
            value = fill(scope["last " + key], rng, scope)
        scope[key] = value
        return value

    return SLOT.sub(draw, template).replace("¶", "\n").strip()


def labels(options: str, by: str, mess: float = 0.0, refuse: float = 0.0) -> Answer:
    """One of a closed set, mostly decided by the slot `by`; `mess` is the share with other case or punctuation."""
    names = options.split("|")

    def answer(rng: random.Random, scope: Scope) -> str:
        if rng.random() < refuse:
            return rng.choice(POOLS["refusal"])
        at = zlib.crc32(scope.get(by, "")[:9].encode()) % len(names)
        name = names[at] if rng.random() < 0.85 else rng.choice(names)
        if rng.random() < mess:
            name = rng.choice(
                [name.upper(), name.capitalize(), name + ".", f'"{name}"', f"**{name}**", name + "。"]
            )
        return name

    return answer


def prose(template: str, fence: float = 0.0) -> Answer:
    """A text, or JSON, with slots; `fence` is the share inside a code fence."""

    def answer(rng: random.Random, scope: Scope) -> str:
        text = fill(template, rng, scope)
        return f"```json\n{text}\n```" if rng.random() < fence else text

    return answer


@dataclass
class App:
    """One application: its templates, how it is answered, and the templates after an edit in mid-log."""

    name: str
    low: int
    high: int
    system: str = ""
    user: str = ""
    answer: Answer = lambda *_: ""
    late_system: str = ""
    late_user: str = ""
    shots: list[str] = field(default_factory=list)  # question, answer, question, answer ...


APPS = """
app: retail ticket_route 300 800
system: You are the first line of Northwind Outdoor's help desk. Read the customer's message and answer with the queue it belongs to and nothing else.¶Queues: delivery, billing, returns, website, warranty, gift cards, stores, other
user: {ticket}
labels: problem 0.15 0.01 delivery|billing|returns|website|warranty|gift cards|stores|other
app: retail review_sentiment 80 300
user: Classify the sentiment of the product review between the triple quotes.¶¶\"\"\"{review}\"\"\"¶¶Answer with exactly one word: positive, negative or neutral.
labels: verdict 0.3 0.02 positive|negative|neutral
app: retail order_extract 60 200
system: Extract order data. Output JSON only, no prose.
user: Message received on {date}:¶{ticket}¶¶Return an object with the keys order_id, item, city and wants_refund. Use null for what is not stated.
prose: 0.4 {"order_id": "{=d6}", "item": "{=thing}", "city": "{=city}", "wants_refund": false}
app: retail reply_draft 40 160
system: Today is {date}. You draft replies for {name} of customer care (agent id NW-{d4}). Friendly, at most four sentences, no promises about dates unless the policy states them. Sign with the agent's first name.
user: {ticket}
prose: 0.0 {reply} {reply} {reply}
app: retail listing_rewrite 30 90
user: {thing}. {remark}; {remark}; {remark}.¶¶---¶Rewrite the listing above for our spring catalogue: one sentence, active voice, no exclamation marks, mention the material if it is known.
prose: 0.0 The {=thing} with character: {remark}, {remark}.
app: bank bank_intent 400 800
system: 你是某银行客服中心的意图识别引擎。请从下列标签中选出最符合用户问题的一个，只输出标签，不要解释。¶标签：盗刷、转账未到账、登录失败、提额、忘记密码、吞卡、年费、房贷利率、验证码、提前支取、账单日、积分兑换、更换手机号、证件过期、理财亏损、境外手续费、提前结清、销户、工资卡、公积金、开户行、挂失、补卡、冻结、解冻、贷款申请、征信、汇率、存款利率、网点查询、预约取号、发票、对账单、投诉、表扬、保险、外汇、代扣、限额、其他
user: {zmsg}
labels: zprob 0.05 0.0 盗刷|转账未到账|登录失败|提额|忘记密码|吞卡|年费|房贷利率|验证码|提前支取|账单日|积分兑换|更换手机号|证件过期|理财亏损|境外手续费|提前结清|销户|工资卡|公积金|开户行|挂失|补卡|冻结|解冻|贷款申请|征信|汇率|存款利率|网点查询|预约取号|发票|对账单|投诉|表扬|保险|外汇|代扣|限额|其他
app: bank call_compliance 60 200
user: <规则>¶1. 坐席不得承诺收益。¶2. 坐席不得索要密码或验证码。¶3. 坐席须在结束前询问是否还有其他问题。¶</规则>¶<对话>¶客户：{zmsg}¶坐席：请您稍等，我查一下。{zline}¶客户：{zdet}{zask}¶</对话>¶请判断坐席是否违规，只回答“是”或“否”。
labels: zdet 0.2 0.0 否|否|否|是
app: bank case_summary 50 250
user: {zmsg}¶{zmsg}¶¶以上是客户来电记录。请用一句话概括客户诉求，不超过四十个字。
prose: 0.0 {zgist}
app: bank identity_extract 40 120
system: 请求编号：{d8}，日期：{date}。你负责从客户留言中抽取信息，输出JSON，字段为姓名、城市、卡尾号、诉求，没有的填空字符串。
user: 我叫{zname}，{zmsg}
prose: 0.5 {"姓名": "{=zname}", "城市": "{=zcity}", "卡尾号": "{=d4}", "诉求": "{=zprob}"}
app: bank notice_translate 30 100
user: 请把下面的内容翻译成英文，语气正式：¶{znote}
prose: 0.0 Regarding {subject}: {line} {line}
app: groupware mail_triage 150 500
system: {group}¶¶Task: decide who handles the mail. Answer with one of: finance, people, it, facilities, legal.
user: {mail}
labels: subject 0.1 0.01 finance|people|it|facilities|legal
app: groupware mail_gist 100 300
system: {group}¶¶Task: summarise the mail for a busy manager in at most two sentences.
user: {mail}
prose: 0.0 {gist} {gist}
app: groupware mail_fields 60 200
system: {group}¶¶Task: fill in this JSON and return only the JSON: {"topic": ..., "people": [...], "urgent": true or false}
user: ### MAIL¶{mail}¶### END
prose: 0.3 {"topic": "{=subject}", "people": ["{=name}"], "urgent": true}
app: groupware translate_pair 50 150
user: Source language: {langa}¶Target language: {langb}¶Tone: {tone}¶¶Translate the text below. Keep names and numbers. Output the translation only.¶¶{mixed}
prose: 0.0 {zline}{zline}
app: groupware review_zh 40 160
system: 判断商品评论的情感。
user: 评论：{zreview}¶情感：
shot: 评论：东西不错，下次还来¶情感： => 正面
shot: 评论：太差了，退货¶情感： => 负面
shot: 评论：还行吧¶情感： => 中性
labels: zremark 0.15 0.0 正面|负面|中性
app: knowledge handbook_answer 100 400
system: Answer from the context only. If the context does not hold the answer, say that you could not find it.
user: # Context¶¶## Passage 1¶{fact} {fact}¶¶## Passage 2¶{fact} {fact} {fact}¶¶## Passage 3¶{fact}¶¶# Question¶¶{question}¶¶# Answer
prose: 0.0 According to the handbook, {=fact} {fact}
app: knowledge relevance 200 700
user: Query: {question}¶Document: {fact} {fact}¶Is the document relevant to the query? Reply yes or no.
labels: query 0.25 0.0 no|yes
app: knowledge topic_shots 60 200
user: 你是一名内容编辑，请为留言选择主题。主题有：质量、物流、价格、客服、尺码、包装、气味、噪音、赠品、说明书、外观、其他。¶¶参考例子：¶留言：{zreview}¶主题：{ztopic}¶¶留言：{zreview}¶主题：{ztopic}¶¶现在请判断：¶留言：{zreview}¶主题：
labels: zremark 0.05 0.0 质量|物流|价格|客服|尺码|包装|气味|噪音|赠品|说明书|外观|其他
app: knowledge question_kind 80 250
system: You sort employees' questions. Possible kinds: hr, it, travel, finance, security, other. Print the kind.
user: {question}
late_system: You sort employees' questions. Possible kinds: hr, it, travel, finance, security, other. If two kinds fit, prefer security. Print the kind in lower case, without quotes.
labels: query 0.1 0.0 hr|it|travel|finance|security|other
app: knowledge chat_title 40 150
user: Below is the start of a conversation.¶<conversation>¶{mixed}¶{mixed}¶</conversation>¶Give it a title of at most six words, in the conversation's own language, without a full stop.
prose: 0.0 {title}
app: clinic urgency 120 400
system: Patient: {name} (record {d8}), date {date}, clinic {city}.¶You are a triage nurse. Rate how soon the patient must be seen: now, today, this week, self-care. Reply with the rating.
user: {complaint}
labels: symptom 0.2 0.03 now|today|this week|self-care
app: clinic cv_parse 40 150
user: <task>Parse the CV into JSON with the keys name, city, last_role and skills.</task>¶<cv>¶{cv}¶</cv>¶<format>JSON, no comments</format>
prose: 0.6 {¶  "name": "{=name}",¶  "city": "{=city}",¶  "last_role": "{=role}",¶  "skills": ["{=skill}", "{skill}"]¶}
app: clinic table_filter 60 180
system: You turn requests into filters.
user: Table: {table}¶User role: {tone}¶Request: {filter}¶Filter as JSON:
prose: 0.2 {"table": "{=table}", "where": [{"column": "city", "op": "=", "value": "{=city}"}], "limit": {d2}}
app: clinic polish 50 150
user: {znote}¶¶把上面这段话润色一下，要求通顺、简洁，不要增加新信息。
late_user: {znote}¶¶把上面这段话润色一下，要求通顺、简洁、语气正式，不要增加新信息，直接给出结果。
prose: 0.0 {zline}{zline}
app: clinic next_step 70 220
system: 下面是用户与门诊预约助手的对话。根据最后一句判断下一步动作，只输出动作名：ask_date、ask_name、book、cancel、handover。
user: {ztalk}
shot: {zname}要预约 => 好的，请问哪一天？
labels: ztalk 0.0 0.0 ask_date|ask_name|book|cancel|handover
"""  # noqa: E501 ¶ is a new line


def applications() -> dict[str, list[App]]:
    """The table above: log → its applications."""
    result: dict[str, list[App]] = {}
    for line in APPS.strip().split("\n"):
        key, value = line.split(": ", 1)
        if key == "app":
            log, name, low, high = value.split()
            result.setdefault(log, []).append(app := App(name, int(low), int(high)))
        elif key == "labels":
            by, mess, refuse, options = value.split(" ", 3)
            app.answer = labels(options, by, float(mess), float(refuse))
        elif key == "prose":
            app.answer = prose(value[4:], fence=float(value[:3]))
        elif key == "shot":
            app.shots += value.split(" => ")
        else:
            setattr(app, key, value)
    return result


LOGS = applications()
PLAIN = ["", "", "You are a helpful assistant.", "You are a helpful assistant.", "你是一个乐于助人的助手。"]

Draft = tuple[float, list[dict[str, str]], str, str]  # when (0..1), messages, answer, application


def messages(system: str, *turns: str) -> list[dict[str, str]]:
    """A conversation: the system prompt if there is one, then user and assistant in turn."""
    head = [{"role": "system", "content": system}] if system else []
    return head + [{"role": ("user", "assistant")[at % 2], "content": turn} for at, turn in enumerate(turns)]


def calls(app: App, rng: random.Random) -> list[Draft]:
    """One application's traffic, from a first day of its own."""
    start, drafts = rng.choice([0.0, 0.0, 0.1, 0.3]), []
    for _ in range(rng.randint(app.low, app.high)):
        when, scope = rng.uniform(start, 1.0), Scope()
        late = when > (1.0 + start) / 2
        system = fill(app.late_system if late and app.late_system else app.system, rng, scope)
        shots = [fill(part, rng, scope) for part in app.shots]
        user = fill(app.late_user if late and app.late_user else app.user, rng, scope)
        drafts.append((when, messages(system, *shots, user), app.answer(rng, scope), app.name))
    return drafts


def chat_answer(rng: random.Random) -> str:
    """Prose about anything."""
    pools = ["fact", "zline", "line", "remark", "zremark", "reply"]
    return fill(" ".join("{" + rng.choice(pools) + "}" for _ in range(rng.randint(1, 6))), rng, {})


def noise(apps: list[App], rng: random.Random) -> list[Draft]:
    """Everything else: chat, one-off prompts, pings, popular questions, rare templates, quoted prompts."""
    talks: list[list[str]] = [[text] for text in rng.sample(TALK, len(TALK) * 2 // 3)]  # one-off questions
    for _ in range(rng.randint(60, 160)):  # chat in one turn or several
        turns = rng.choice([1, 1, 2, 3, 4])
        talk = [(" ".join(rng.sample(TALK, rng.choice([1, 1, 2]))), chat_answer(rng)) for _ in range(turns)]
        talks.append([part for turn in talk for part in turn][:-1])
    for text in rng.sample(TALK, 4):  # popular questions
        talks += [[text]] * rng.randint(5, 25)
    for quote in rng.sample(POOLS["quote"], 4):
        quoted = rng.choice([app.system or app.user for app in apps])
        talks.append([fill(quote.replace("QUOTED", quoted), rng, {})])
    for _ in range(rng.randint(10, 30)):  # long one-off prompts without a shape
        pools = rng.sample(["mail", "fact", "review", "znote", "ticket", "cv", "zmsg", "query"], 3)
        parts = [rng.choice(TALK), *(fill("{" + pool + "}", rng, {}) for pool in pools)]
        talks.append([rng.choice(["\n\n", "\n", " "]).join(rng.sample(parts, rng.randint(2, 4)))])
    drafts = [(rng.random(), messages(rng.choice(PLAIN), *talk), chat_answer(rng), "") for talk in talks]
    for user, answer in (rare.split(" => ") for rare in rng.sample(POOLS["rare"], 3)):
        for scope in [Scope() for _ in range(rng.randint(2, 9))]:
            drafts.append((rng.random(), messages("", fill(user, rng, scope)), fill(answer, rng, scope), ""))
    for _ in range(rng.randint(20, 90)):
        drafts.append((rng.random(), messages("", "ping"), rng.choice(["pong", "pong", "Pong!"]), ""))
    return drafts


def row(draft: Draft, at: int) -> dict[str, Any]:
    """The draft as a request and its response."""
    when, turns, answer, name = draft
    time = datetime(2025, 3, 3, 8, tzinfo=UTC) + timedelta(days=14 * when)
    model = "gpt-4o-mini" if zlib.crc32(name.encode()) % 3 else "gpt-4o"
    asked, told = sum(len(turn["content"].encode()) // 4 + 4 for turn in turns), len(answer.encode()) // 4 + 1
    choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
    usage = {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}
    response = {"id": f"chatcmpl-{at}", "object": "chat.completion", "created": int(time.timestamp())}
    response |= {"model": model, "choices": [choice], "usage": usage}
    request = {"model": model, "messages": turns}
    return {"request": request, "response": response, "time": time.isoformat(), "truth": name}


def logs(seed: int) -> dict[str, tuple[list[dict[str, Any]], dict[str, int]]]:
    """The logs of this seed: name → (rows in the order of time, application → calls)."""
    result = {}
    for name, apps in LOGS.items():
        rng = random.Random(f"{seed} {name}")
        drafts = [draft for app in apps for draft in calls(app, rng)] + noise(apps, rng)
        drafts.sort(key=lambda draft: draft[0])
        truth = Counter(draft[3] for draft in drafts if draft[3])
        result[name] = ([row(draft, at) for at, draft in enumerate(drafts)], dict(truth))
    return result


def score(rows: list[dict[str, Any]], truth: dict[str, int]) -> dict[str, Any]:
    """Which applications `discover` finds as exactly one task, and how many tasks are too many."""
    from stepladder.data import discover, read_exchanges

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
        exchanges = read_exchanges(path).rows
    if len(exchanges) != len(rows):
        raise ValueError(f"{len(exchanges)} exchanges read from {len(rows)} rows")
    names = {id(exchange): one["truth"] for exchange, one in zip(exchanges, rows, strict=True)}
    result = discover(exchanges, lambda *_: None)
    tasks = [Counter(names[id(one)] for one in task.exchanges) for task in result.tasks]
    missed: dict[str, Any] = {}
    for name, count in truth.items():
        parts = [task for task in tasks if task[name]]
        if not any(task[name] >= 0.95 * max(task.total(), count) for task in parts):
            missed[name] = {"calls": count, "in_tasks": [dict(task) for task in parts]}
    found, noisy = len(truth) - len(missed), [dict(task) for task in tasks if task[""] > 0.5 * task.total()]
    return {"found": found, "too_many": len(tasks) - found, "missed": missed, "noise": noisy}


def main() -> None:
    """Score every log of the seeds given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    options = parser.parse_args()
    results = []
    print(f"{'seed':>4}  {'log':<10} {'rows':>5}  found  too many  missed")
    for seed in options.seed:
        for name, (rows, truth) in logs(seed).items():
            result = {"seed": seed, "log": name, "rows": len(rows), **score(rows, truth)}
            results.append(result)
            missed = ", ".join(result["missed"]) or "-"
            found, extra = f"{result['found']}/{len(truth)}", result["too_many"]
            print(f"{seed:>4}  {name:<10} {len(rows):>5}  {found:>5}  {extra:>8}  {missed}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
