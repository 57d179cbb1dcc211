"""Twenty pairs of an English and a Chinese sentence that say the same: films, people, what people say of films."""

# ruff: noqa: RUF001  # a Chinese comma is one

PAIRS = (
    ("A horror film on a spaceship far from Earth.", "一部发生在远离地球的飞船上的恐怖片。"),
    ("A romantic comedy about two colleagues in New York.", "一部关于纽约两位同事的浪漫喜剧。"),
    ("A war drama about young soldiers in Vietnam.", "一部讲述年轻士兵在越南的战争剧情片。"),
    ("An animated film for children about a lost fish.", "一部关于走失小鱼的儿童动画片。"),
    ("A detective hunts a serial killer in the rain.", "一名侦探在雨中追捕连环杀手。"),
    ("A documentary about penguins in Antarctica.", "一部关于南极企鹅的纪录片。"),
    ("A western in which a lonely gunman protects a village.", "一部西部片，孤独的枪手保护一个村庄。"),
    ("A musical about a singer who dreams of Broadway.", "一部音乐剧，讲述一位梦想登上百老汇的歌手。"),
    ("Robbers plan to steal millions from a casino.", "劫匪计划从赌场偷走数百万。"),
    ("A king is betrayed by his brother and loses his throne.", "国王被弟弟背叛，失去了王位。"),
    ("A 24-year-old male technician.", "一位24岁的男技术员。"),
    ("A 53-year-old female librarian.", "一位53岁的女图书管理员。"),
    ("A 19-year-old student who likes science fiction.", "一名喜欢科幻片的19岁学生。"),
    ("A retired doctor who watches old black-and-white films.", "一位爱看黑白老电影的退休医生。"),
    ("A mother looking for something to watch with her family.", "一位想找片子和家人一起看的母亲。"),
    ("A lawyer who hates violence on the screen.", "一位讨厌银幕暴力的律师。"),
    ("Too dark for me, something funnier please.", "对我来说太黑暗了，请来点更有趣的。"),
    ("I have seen this one already.", "这部我已经看过了。"),
    ("More films by this director!", "再来几部这位导演的电影！"),
    ("It was far too long and I fell asleep.", "片子太长了，我都睡着了。"),
)
